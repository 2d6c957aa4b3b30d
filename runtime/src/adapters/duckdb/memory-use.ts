import type { Database } from "../../ports/database.ts";

const units: Readonly<Record<string, number>> = {
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes that an engine holds, and how many of its limit are left (to a tenth of the limit's unit). */
export async function memoryUse(
  database: Database,
): Promise<{ readonly used: number; readonly free: number }> {
  const [row] = await database.rows(
    `SELECT sum(memory_usage_bytes)::DOUBLE AS used, current_setting('memory_limit') AS most FROM duckdb_memory()`,
  );
  const used = Number(row?.["used"] ?? 0);
  const [, count = "", unit = ""] = /^([\d.]+) (\w+)$/.exec(String(row?.["most"])) ?? [];
  return { used, free: Math.max(0, Math.round(Number(count) * (units[unit] ?? 0)) - used) };
}
