/** Prints random statements by their seeds: `node --conditions=source runtime/test/corpus/generator/show.ts 42 43`. */
import { generateQuery } from "./generate.ts";

for (const seed of process.argv.slice(2)) {
  const { name, sql, comparison, tags } = generateQuery(Number(seed));
  console.log(`-- ${name}: ${[...tags].join(", ")}\n${sql};`);
  if (comparison.full !== undefined) console.log(`-- without its LIMIT:\n${comparison.full};`);
  if (comparison.witness !== undefined) console.log(`-- what it may hold:\n${comparison.witness.sql};`);
}
