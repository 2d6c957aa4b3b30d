import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { ago, byteSize, type Column, grouped, printRows } from "../output.ts";

interface PartitionRow {
  readonly value: Readonly<Record<string, string | null>>;
  readonly owner: string | null;
  readonly replicas: readonly string[];
  readonly epoch: number;
  readonly state: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly last_refresh: string | null;
  readonly error?: string;
}

/** `spice partitions DATASET`: which executor owns what. */
export function addPartitions(program: Command, cli: Cli): void {
  program
    .command("partitions")
    .description("which executor owns which partition of a dataset")
    .argument("<dataset>")
    .action(async (dataset: string) => {
      const path = `/v1/datasets/${encodeURIComponent(dataset)}/partitions`;
      const rows = await cli.client().json<PartitionRow[]>(path);
      printRows(cli.io, cli.output(), rows, columns(rows, Date.now()));
    });
}

function columns(rows: readonly PartitionRow[], nowMs: number): readonly Column<PartitionRow>[] {
  const expressions = Object.keys(rows[0]?.value ?? {});
  return [
    ...expressions.map((name) => ({ name, value: (row: PartitionRow) => row.value[name] ?? "NULL" })),
    { name: "owner", value: (row) => row.owner ?? "unassigned" },
    { name: "replicas", value: (row) => row.replicas.join(" ") },
    { name: "epoch", right: true, value: (row) => row.epoch },
    { name: "state", value: (row) => (row.error === undefined ? row.state : `${row.state}: ${row.error}`) },
    { name: "rows", right: true, value: (row) => grouped(row.rows) },
    { name: "size", right: true, value: (row) => byteSize(row.bytes) },
    { name: "refreshed", value: (row) => ago(row.last_refresh, nowMs) },
  ];
}
