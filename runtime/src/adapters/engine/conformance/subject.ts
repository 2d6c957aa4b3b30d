import { join } from "node:path";
import type {
  AcceleratedDataset,
  Accelerator,
  AcceleratorDescription,
  AcceleratorTable,
  PartitionValues,
  TableWrite,
} from "../../../ports/accelerator.ts";
import type { Database, Json } from "../../../ports/database.ts";
import { openDatabase } from "../../duckdb/database.ts";

/** An engine under test: where its factory is, and the dataset options under which it is tried. */
export interface ConformanceSubject {
  /** Heads the tests, e.g. `duckdb, one file for all`. */
  readonly name: string;
  /** As it is registered. What it says the engine cannot do is not asked of it. */
  readonly description: AcceleratorDescription;
  /** URL of the module and name of the export `(context) => Accelerator`: a child process loads it too. */
  readonly module: string;
  readonly factory: string;
  readonly mode: "memory" | "file";
  readonly parameters: Readonly<Record<string, string>>;
}

/** An engine over a directory, with a database of its own. */
export interface Opened {
  readonly database: Database;
  readonly accelerator: Accelerator;
  close(): Promise<void>;
}

/** Declare a test over a directory of its own; what it opens is closed in the end. */
export type DirectoryTest = (
  name: string,
  body: (open: () => Promise<Opened>, directory: string) => Promise<void>,
) => void;

export const columns = [
  { name: "id", type: "BIGINT" },
  { name: "v", type: "INTEGER" },
  { name: "note", type: "VARCHAR" },
];

/** How many partition expressions the engine takes in the subject's mode. */
export function partitionExpressions({
  description,
  mode,
}: Pick<ConformanceSubject, "description" | "mode">): "none" | "single" | "several" {
  const { partitionExpressions, partitionModes, modes } = description.capabilities;
  return (partitionModes ?? modes).includes(mode) ? partitionExpressions : "none";
}

/** The values of one partition: its only one where the engine takes no partitions. */
export function unit(subject: Pick<ConformanceSubject, "description" | "mode">): PartitionValues {
  return partitionExpressions(subject) === "none" ? [] : ["A/b"];
}

/** The dataset that the suite stores. */
export function conformanceDataset(
  subject: Pick<ConformanceSubject, "description" | "mode" | "parameters">,
  change: Partial<AcceleratedDataset> = {},
): AcceleratedDataset {
  return {
    name: "conformance",
    mode: subject.mode,
    partitionBy: partitionExpressions(subject) === "none" ? [] : [{ name: "part", expression: "part" }],
    columns,
    primaryKey: [],
    indexes: [],
    parameters: subject.parameters,
    unitPath: (values) =>
      values
        .map(
          (v, i) =>
            `part${i === 0 ? "" : i}=${v === null ? "__HIVE_DEFAULT_PARTITION__" : encodeURIComponent(v)}`,
        )
        .join("/"),
    ...change,
  };
}

/** Open the subject over `directory` with a database of its own; `close` shuts the engine down twice, as it may happen. */
export async function openSubject(
  subject: Pick<ConformanceSubject, "module" | "factory">,
  directory: string,
): Promise<Opened> {
  const database = await openDatabase({
    threads: 2,
    memoryLimit: "512MB",
    tempDirectory: join(directory, "tmp"),
  });
  const loaded = (await import(subject.module)) as Record<string, (context: object) => Accelerator>;
  const accelerator = loaded[subject.factory]!({ database, dataDir: directory });
  let closed = false;
  return {
    database,
    accelerator,
    async close() {
      if (closed) return;
      closed = true;
      await accelerator.shutdown?.();
      await accelerator.shutdown?.();
      await database.close();
    },
  };
}

/** Rows with the ids of a SQL range. */
export function rows(range: string, v = 0) {
  return { sql: `SELECT range AS id, ${v} AS v, 'note ' || range AS note FROM ${range}`, columns };
}

/** A write that replaces everything. */
export function overwrite(watermark: string): TableWrite {
  return { mode: { kind: "overwrite", duplicates: { kind: "error" } }, watermark, position: null };
}

/** How many rows a version has, and the sum of their ids. */
export async function sums(
  database: Database,
  table: AcceleratorTable,
  version: AcceleratorTable["current"],
): Promise<Record<string, Json> | undefined> {
  const relations = table.scan(version).map((r) => `SELECT * FROM ${r}`);
  return (
    await database.rows(
      `SELECT count(*)::VARCHAR AS n, sum(id)::VARCHAR AS s FROM (${relations.join(" UNION ALL ")})`,
    )
  )[0];
}
