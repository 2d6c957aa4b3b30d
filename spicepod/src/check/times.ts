import type { Accelerated } from "../model.ts";
import { type CheckContext, describe, isDataset } from "./context.ts";

/** Settings that need another one to mean anything: time columns, intervals, views (spec chapters 02 and 05). */
export function checkTimes(context: CheckContext): void {
  for (const dataset of context.spicepod.datasets) {
    for (const name of ["time", "time_partition"]) {
      const column = `${dataset.path}.${name}_column`;
      const format = `${dataset.path}.${name}_format`;
      if (context.isSet(format) && !context.isSet(column)) context.fail(format, `needs \`${name}_column\`.`);
    }
  }
  for (const component of context.accelerated) {
    if (!isDataset(component)) checkView(context, component);
    checkTimeColumn(context, component);
    checkCompanions(context, component);
  }
}

function checkView(context: CheckContext, { path, acceleration, name }: Accelerated): void {
  if (acceleration.refreshMode === "full") return;
  context.fail(
    `${path}.acceleration.refresh_mode`,
    `must be \`full\`: view '${name}' is refreshed by running its SQL again.`,
  );
}

function checkTimeColumn(context: CheckContext, component: Accelerated): void {
  const { path, acceleration } = component;
  if (isDataset(component) && component.timeColumn !== undefined) return;
  const hint = isDataset(component) ? `set it on ${describe(component)}` : "which a view does not have";
  const need = (field: string) =>
    context.fail(`${path}.acceleration.${field}`, `needs \`time_column\`: ${hint}.`);
  if (acceleration.refreshDataWindow !== undefined) need("refresh_data_window");
  if (acceleration.retentionPeriod !== undefined) need("retention_period");
  if (acceleration.refreshAppendOverlap !== undefined) need("refresh_append_overlap");
  const objects = isDataset(component) && ["object", "file"].includes(component.source.kind);
  if (acceleration.refreshMode === "append" && isDataset(component) && !objects) need("refresh_mode");
}

function checkCompanions(context: CheckContext, { path, acceleration }: Accelerated): void {
  const at = (field: string) => `${path}.acceleration.${field}`;
  if (acceleration.refreshAppendOverlap !== undefined && acceleration.refreshMode !== "append") {
    context.fail(at("refresh_append_overlap"), "has no effect without `refresh_mode: append`.");
  }
  if (acceleration.refreshJitterMax !== undefined && !acceleration.refreshJitterEnabled) {
    context.warn(
      at("refresh_jitter_max"),
      "`refresh_jitter_max` has no effect without `refresh_jitter_enabled: true`.",
    );
  }
  const retention = acceleration.retentionPeriod !== undefined || acceleration.retentionSql !== undefined;
  if (retention && !acceleration.retentionCheckEnabled) {
    const field = acceleration.retentionPeriod === undefined ? "retention_sql" : "retention_period";
    context.warn(at(field), `\`${field}\` has no effect without \`retention_check_enabled: true\`.`);
  }
  if (acceleration.retentionCheckEnabled && !retention) {
    context.fail(at("retention_check_enabled"), "needs `retention_period` or `retention_sql`.");
  }
}
