import { once } from "node:events";
import type { ApiClient } from "./api-client.ts";
import type { Io } from "./io.ts";
import type { OutputFormat } from "./output.ts";

const accept: Readonly<Record<OutputFormat, string>> = {
  table: "text/plain",
  json: "application/json",
  csv: "text/csv",
};

/** How one statement went. */
export interface SqlOutcome {
  readonly milliseconds: number;
  /** Rows of a table; unknown in other formats. */
  readonly rows: number | undefined;
  readonly strategy: string;
  readonly executors: readonly string[];
  readonly partitionsRead: number;
  readonly partitionsTotal: number;
}

/** Run one statement and copy its result to the output as it arrives. */
export async function runSql(
  io: Io,
  client: ApiClient,
  statement: string,
  format: OutputFormat,
  signal: AbortSignal,
): Promise<SqlOutcome> {
  const started = performance.now();
  const response = await client.sql(statement, accept[format], signal);
  const lines = new LineCounter();
  if (response.body !== null) {
    for await (const bytes of response.body) {
      lines.add(bytes);
      if (!io.stdout.write(bytes)) await once(io.stdout, "drain", { signal });
    }
  }
  if (!lines.endsWithNewline) io.stdout.write("\n");
  const header = (name: string) => response.headers.get(name) ?? "";
  return {
    milliseconds: performance.now() - started,
    // Three rules and the head are no rows.
    rows: format === "table" ? lines.count - 4 : undefined,
    strategy: header("x-spice-strategy"),
    executors: header("x-spice-executors").split(", ").filter(Boolean),
    partitionsRead: Number(header("x-spice-partitions-read")),
    partitionsTotal: Number(header("x-spice-partitions-total")),
  };
}

/** `3 rows in 12 ms · split-aggregation · 2 executors · 3 of 12 partitions`. */
export function outcomeLine(outcome: SqlOutcome): string {
  const { rows, milliseconds, strategy, executors, partitionsRead, partitionsTotal } = outcome;
  const time =
    milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
  const counted = rows === undefined ? "done" : `${rows} ${rows === 1 ? "row" : "rows"}`;
  const parts = [`${counted} in ${time}`];
  if (strategy !== "") parts.push(strategy);
  if (executors.length > 0) {
    parts.push(`${executors.length} ${executors.length === 1 ? "executor" : "executors"}`);
  }
  if (partitionsTotal > 0) parts.push(`${partitionsRead} of ${partitionsTotal} partitions`);
  return parts.join(" · ");
}

class LineCounter {
  count = 0;
  endsWithNewline = true;

  add(bytes: Uint8Array): void {
    for (const byte of bytes) if (byte === 10) this.count += 1;
    if (bytes.length > 0) this.endsWithNewline = bytes.at(-1) === 10;
  }
}
