import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { ApiClient } from "../api-client.ts";
import type { Cli } from "../cli.ts";
import { byteSize, type Column, grouped, printRows } from "../output.ts";
import { type DatasetRow, datasetColumns } from "./datasets.ts";

interface StatusRow {
  readonly name: string;
  readonly endpoint: string;
  readonly status: string;
  readonly state?: string;
  readonly partitions?: number;
  readonly loaded?: number;
  readonly rows?: number;
  readonly bytes?: number;
  readonly message?: string;
}

const columns: readonly Column<StatusRow>[] = [
  { name: "name", value: (row) => row.name },
  { name: "endpoint", value: (row) => row.endpoint },
  { name: "status", value: (row) => row.message ?? row.status },
  {
    name: "partitions",
    right: true,
    value: (row) => (row.partitions === undefined ? "" : `${row.loaded ?? 0}/${row.partitions}`),
  },
  { name: "rows", right: true, value: (row) => grouped(row.rows) },
  { name: "size", right: true, value: (row) => byteSize(row.bytes) },
];

/** `spice status [--watch]`. */
export function addStatus(program: Command, cli: Cli): void {
  program
    .command("status")
    .description("endpoints of the node and the executors of the cluster")
    .option("--watch", "show it again every second, with the datasets' progress, until Ctrl-C")
    .action(async (options: { watch?: boolean }) => {
      const client = cli.client();
      if (options.watch === true) return watch(cli, client);
      printRows(cli.io, cli.output(), await client.json<StatusRow[]>("/v1/status"), columns);
    });
}

async function watch(cli: Cli, client: ApiClient): Promise<void> {
  const { io } = cli;
  const clear = io.stdout.isTTY === true ? "\u001b[H\u001b[2J" : "";
  while (!io.signal.aborted) {
    const [status, datasets] = await Promise.all([
      client.json<StatusRow[]>("/v1/status", io.signal),
      client.json<DatasetRow[]>("/v1/datasets?status=true", io.signal),
    ]);
    io.stdout.write(clear);
    printRows(io, cli.output(), status, columns);
    printRows(io, cli.output(), datasets, datasetColumns(Date.now()));
    await sleep(1000, undefined, { signal: io.signal }).catch(() => undefined);
  }
}
