import type { Metrics } from "../observe/metrics.ts";

/** Record a load or refresh that finished at `atMs` (wall milliseconds). */
export function measureRefresh(
  metrics: Metrics,
  dataset: string,
  { rows, durationMs, atMs }: { readonly rows: number; readonly durationMs: number; readonly atMs: number },
): void {
  metrics.histogram("dataset_acceleration_refresh_duration_ms").observe({ dataset }, durationMs);
  metrics.counter("dataset_acceleration_refresh_rows").inc({ dataset }, rows);
  metrics.gauge("dataset_acceleration_last_refresh_unix_time_ms").set({ dataset }, atMs);
}

/** Record how much of a dataset this executor holds. */
export function measureHeld(
  metrics: Metrics,
  dataset: string,
  held: readonly { readonly rows: number; readonly bytes: number }[],
): void {
  const { rows, bytes } = summaryOf(held);
  metrics.gauge("dataset_acceleration_rows").set({ dataset }, rows);
  metrics.gauge("dataset_acceleration_size_bytes").set({ dataset }, bytes);
}

/** Rows and bytes of partitions together, and the oldest of their last refreshes in wall milliseconds. */
export function summaryOf(
  held: readonly {
    readonly rows: number;
    readonly bytes: number;
    readonly lastRefreshMs?: number | undefined;
  }[],
): { readonly rows: number; readonly bytes: number; readonly freshMs: number | undefined } {
  const refreshed = held.map((p) => p.lastRefreshMs).filter((ms) => ms !== undefined);
  return {
    rows: held.reduce((n, p) => n + p.rows, 0),
    bytes: held.reduce((n, p) => n + p.bytes, 0),
    freshMs: refreshed.length === 0 ? undefined : Math.min(...refreshed),
  };
}
