import { awkwardSchema } from "./generator/schema.ts";

/** How the tables of a test are split: the `partition_by` entries of each table, none for a whole table. */
export interface Partitioning {
  readonly name: string;
  readonly partitionBy: Readonly<Record<string, readonly string[]>>;
}

/** Whether an engine can hold tables split like this: DuckDB's accelerator takes one expression only (chapter 03). */
export function suits(partitioning: Partitioning, engine: string): boolean {
  return engine !== "duckdb" || Object.values(partitioning.partitionBy).every((list) => list.length <= 1);
}

/** Ways to split the tables of the random statements, from none to two levels, with NULL keys and odd names. */
export const awkwardPartitionings: readonly Partitioning[] = [
  { name: "whole", partitionBy: forAll(() => []) },
  { name: "bucket by key", partitionBy: forAll(() => ["bucket(7, k)"]) },
  { name: "bucket by id", partitionBy: forAll(() => ["bucket(5, id)"]) },
  { name: "plain text", partitionBy: forAll(() => ["region"]) },
  { name: "truncated text", partitionBy: forAll(() => ["truncate(2, region)"]) },
  { name: "residue", partitionBy: forAll((name) => [name === "dims" ? "k % 5" : "n % 5"]) },
  {
    name: "calendar",
    partitionBy: {
      facts: ["date_trunc('month', ts)"],
      events: ["date_trunc('day', ts)"],
      dims: ["date_part('day', opened)"],
      nothing: ["k"],
    },
  },
  {
    name: "mixed",
    partitionBy: { facts: ["bucket(6, k)"], events: ["region"], dims: [], nothing: ["truncate(10, n)"] },
  },
  { name: "boolean", partitionBy: { facts: ["flag"], events: ["ok"], dims: ["active"], nothing: [] } },
  { name: "two levels", partitionBy: forAll(() => ["region", "bucket(3, k)"]) },
];

function forAll(entry: (table: string) => readonly string[]): Partitioning["partitionBy"] {
  return Object.fromEntries(awkwardSchema.map(({ name }) => [name, entry(name)]));
}
