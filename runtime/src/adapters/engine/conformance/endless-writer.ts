/** The process that the conformance suite kills: writes one version after another and announces each. */
import { writeSync } from "node:fs";
import { type ConformanceSubject, conformanceDataset, openSubject, unit } from "./subject.ts";

const subject = JSON.parse(process.argv[2] ?? "{}") as ConformanceSubject & { directory: string };
const { accelerator } = await openSubject(subject, subject.directory);
const dataset = conformanceDataset(subject);
const values = unit(subject);
await accelerator.init?.(dataset);
const table = await accelerator.createTable({ dataset, values });
for (let v = table.current.version + 1; ; v++) {
  const old = table.current;
  await table.insert(
    {
      sql: `SELECT range AS id, ${v} AS v, repeat('x', 50) AS note FROM range(${1000 * ((v % 7) + 1)})`,
      columns: dataset.columns,
    },
    { mode: { kind: "overwrite", duplicates: { kind: "error" } }, watermark: String(v), position: null },
  );
  writeSync(1, `${v}\n`);
  // Kills hit both forms of a commit: in the log only, and settled.
  if (v % 2 === 0) await accelerator.settle?.(dataset, [values]);
  await table.discard(old, [table.current]);
}
