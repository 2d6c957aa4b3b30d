import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { ago, byteSize, type Column, grouped, printRows } from "../output.ts";

export interface DatasetRow {
  readonly name: string;
  readonly from: string;
  readonly engine?: string;
  readonly status: string;
  readonly error_message?: string;
  readonly last_refresh?: string;
  readonly partitions: { readonly total: number; readonly loaded: number };
  readonly rows?: number;
  readonly bytes?: number;
  readonly refresh?: {
    readonly rows: number;
    readonly started_at: string;
    readonly expected_rows: number | null;
  };
}

export function datasetColumns(nowMs: number): readonly Column<DatasetRow>[] {
  return [
    { name: "dataset", value: (row) => row.name },
    { name: "engine", value: (row) => row.engine },
    { name: "status", value: (row) => statusText(row, nowMs) },
    { name: "partitions", right: true, value: ({ partitions: p }) => `${p.loaded}/${p.total}` },
    { name: "rows", right: true, value: (row) => grouped(row.rows) },
    { name: "size", right: true, value: (row) => byteSize(row.bytes) },
    { name: "refreshed", value: (row) => ago(row.last_refresh, nowMs) },
    { name: "from", value: (row) => row.from },
  ];
}

/** With the progress of a running refresh: rows, rate and, where the end is known, how long it will take. */
function statusText(row: DatasetRow, nowMs: number): string {
  if (row.error_message !== undefined) return `${row.status}: ${row.error_message}`;
  const { refresh } = row;
  if (refresh === undefined) return row.status;
  const seconds = Math.max(0.001, (nowMs - Date.parse(refresh.started_at)) / 1000);
  const rate = refresh.rows / seconds;
  const left =
    refresh.expected_rows === null || rate === 0 ? undefined : (refresh.expected_rows - refresh.rows) / rate;
  const end = left === undefined ? "" : `, ${Math.max(0, Math.ceil(left))} s left`;
  return `${row.status} ${grouped(refresh.rows)} rows, ${grouped(Math.round(rate))}/s${end}`;
}

/** `spice datasets`. */
export function addDatasets(program: Command, cli: Cli): void {
  program
    .command("datasets")
    .description("datasets and views with their state")
    .action(async () => {
      const rows = await cli.client().json<DatasetRow[]>("/v1/datasets?status=true");
      printRows(cli.io, cli.output(), rows, datasetColumns(Date.now()));
    });
}
