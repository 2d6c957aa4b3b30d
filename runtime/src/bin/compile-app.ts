import {
  type EngineTable,
  formatProblem,
  parseSpicepod,
  SpicepodError,
  type SupportedFields,
} from "@spice-shards/spicepod";
import type { AcceleratorRegistry } from "../adapters/engine/registry.ts";
import { type App, appOf } from "../core/app/app.ts";
import { checkPartitionExpression } from "../core/partition/expression/bind.ts";
import { PartitionExpressionError } from "../core/partition/expression/errors.ts";
import { unboundPartitionExpression } from "../core/partition/expression/unbound.ts";
import { connectorParameters } from "./sources.ts";

/** Fields that this version honours, beside those that every version does. */
export const supportedFields = {
  acceleration: [
    "refresh_mode",
    "refresh_check_interval",
    "refresh_cron",
    "refresh_sql",
    "refresh_data_window",
    "refresh_append_overlap",
    "refresh_on_startup",
    "refresh_retry_enabled",
    "refresh_retry_max_attempts",
    "refresh_jitter_enabled",
    "refresh_jitter_max",
    "retention_period",
    "retention_sql",
    "retention_check_interval",
    "retention_check_enabled",
    "primary_key",
    "indexes",
    "on_conflict",
  ],
  dataset: ["time_column", "time_format", "time_partition_column", "time_partition_format", "params"],
} as const satisfies SupportedFields;

/**
 * Parse and check a spicepod as this build runs it. Throws a SpicepodError with every problem; what is only worth a
 * line goes to `warn`.
 */
export function compileApp(
  text: string,
  options: {
    readonly file: string;
    /** When absent, `cluster` for a spicepod with `runtime.scheduler`, else `single`. */
    readonly mode?: "cluster" | "single" | undefined;
    readonly registry: AcceleratorRegistry;
    warn(message: string): void;
  },
): App {
  const engines: EngineTable = Object.fromEntries(
    options.registry.descriptions().map(({ name, capabilities }) => [name, capabilities]),
  );
  const hasScheduler = () => parseSpicepod(text, {}).spicepod?.runtime.scheduler !== undefined;
  const result = parseSpicepod(text, {
    checks: {
      mode: options.mode ?? (hasScheduler() ? "cluster" : "single"),
      engines,
      supportedFields,
      sources: connectorParameters,
      partitionExpression: problemOfExpression,
    },
  });
  for (const warning of result.warnings) options.warn(formatProblem(warning, options.file));
  if (result.problems !== undefined) throw new SpicepodError(result.problems, options.file);
  return appOf(text, result.spicepod, (expression) => unboundPartitionExpression(expression).canonical);
}

function problemOfExpression(text: string): string | undefined {
  try {
    checkPartitionExpression(text);
    return undefined;
  } catch (error) {
    if (error instanceof PartitionExpressionError) return error.message;
    throw error;
  }
}
