/**
 * `node --conditions=source bench/run.ts [name…]`: runs the benches in this folder, prints their tables, keeps the
 * figures in `bench/results/{name}.json` and compares them with the run stored there before.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { provision } from "../scripts/testbed/provision.ts";
import type { Bench, Figure } from "./figure.ts";

const here = import.meta.dirname;
const available = globSync("*.bench.ts", { cwd: here })
  .map((file) => file.replace(/\.bench\.ts$/, ""))
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !available.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown bench ${unknown.join(", ")}. Benches: ${available.join(", ")}`);
  process.exit(2);
}
mkdirSync(join(here, "results"), { recursive: true });
const failed: string[] = [];
for (const name of asked.length > 0 ? asked : available) {
  try {
    await measure(name);
  } catch (error) {
    // The others say something by themselves.
    console.error(error);
    failed.push(name);
  }
}
if (failed.length > 0) console.error(`Could not be measured: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;

async function measure(name: string): Promise<void> {
  const load = loadavg()[0]!;
  console.log(
    `\n## ${name} (${cpus().length} cores, load ${load.toFixed(2)}, Node ${process.versions.node})`,
  );
  if (load > 1)
    console.log(`The machine was busy when this started (load ${load.toFixed(2)}): compare with care.`);
  const bench = (await import(join(here, `${name}.bench.ts`))) as Bench;
  const bed = await provision(bench.tier ?? "cluster");
  Object.assign(process.env, bed.env);
  for (const reason of bed.missing) console.log(`Some figures cannot be measured: ${reason}`);
  const figures = await bench.run();
  const file = join(here, "results", `${name}.json`);
  print(figures, previous(file));
  writeFileSync(file, JSON.stringify({ date: new Date().toISOString(), load, figures }, undefined, 2));
}

function previous(file: string): Map<string, number> {
  try {
    const { figures } = JSON.parse(readFileSync(file, "utf8")) as { figures: Figure[] };
    return new Map(figures.map((f) => [f.name, f.value]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
}

function print(figures: readonly Figure[], before: ReadonlyMap<string, number>): void {
  const rows = figures.map((f) => [
    f.name,
    `${format(f.value)} ${f.unit}`,
    f.baseline === undefined ? "" : `${format(f.baseline)} ${f.unit}`,
    f.baseline === undefined ? "" : format(f.value / f.baseline),
    f.aim ?? "",
    before.has(f.name) ? format(before.get(f.name)!) : "",
  ]);
  const table = [["figure", "measured", "baseline", "ratio", "aim", "last run"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    );
}

function format(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}
