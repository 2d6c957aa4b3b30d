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
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  metrics.gauge("dataset_acceleration_rows").set({ dataset }, sum(held.map((p) => p.rows)));
  metrics.gauge("dataset_acceleration_size_bytes").set({ dataset }, sum(held.map((p) => p.bytes)));
}
