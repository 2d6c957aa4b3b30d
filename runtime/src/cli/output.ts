import { textTable } from "../core/text/text-table.ts";
import { type Io, print } from "./io.ts";

export const outputFormats = ["table", "json", "csv"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** One column of a command's answer. */
export interface Column<T> {
  readonly name: string;
  readonly value: (row: T) => string | number | null | undefined;
  readonly right?: boolean;
}

/** Print rows as a table of the columns for people, or with all their fields as JSON or CSV for programs. */
export function printRows<T extends object>(
  io: Io,
  format: OutputFormat,
  rows: readonly T[],
  columns: readonly Column<T>[],
): void {
  switch (format) {
    case "json":
      print(io, JSON.stringify(rows, null, 2));
      return;
    case "csv": {
      const fields = rows.map((row) => new Map<string, unknown>(Object.entries(row)));
      const names = [...new Set(fields.flatMap((row) => [...row.keys()]))];
      const lines = fields.map((row) => names.map((name) => csvField(row.get(name))).join(","));
      print(io, [names.map(csvField).join(","), ...lines].join("\n"));
      return;
    }
    case "table": {
      const cells = rows.map((row) => columns.map(({ value }) => String(value(row) ?? "")));
      io.stdout.write(
        textTable(
          columns.map(({ name }) => name),
          cells,
          columns.map(({ right }) => right === true),
        ),
      );
      return;
    }
    default:
      format satisfies never;
  }
}

function csvField(value: unknown): string {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** 1234567 as `1,234,567`. */
export function grouped(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : value.toLocaleString("en-US");
}

/** Bytes in the unit that reads best. */
export function byteSize(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** How long ago an ISO time was, roughly. */
export function ago(time: string | null | undefined, nowMs: number): string {
  if (time === null || time === undefined) return "";
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds}s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h ago` : `${Math.round(seconds / 86_400)}d ago`;
}
