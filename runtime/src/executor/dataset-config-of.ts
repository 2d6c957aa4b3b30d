import type { AppTable } from "../core/app/app.ts";
import { unboundPartitionExpression } from "../core/partition/expression/unbound.ts";
import { valuePath } from "../core/partition/value-path.ts";
import { retentionPredicate } from "../core/refresh/retention.ts";
import type { DatasetConfig } from "./storage/dataset-config.ts";

/** How an executor stores and refreshes an accelerated dataset of the spicepod. */
export function datasetConfigOf(table: AppTable): DatasetConfig {
  const { dataset } = table;
  const { acceleration } = dataset;
  const names = acceleration.partitionBy.map(({ name }) => name);
  const onConflict = acceleration.onConflict[0]?.rule;
  const predicate =
    acceleration.retentionSql === undefined
      ? undefined
      : retentionPredicate(acceleration.retentionSql, dataset.name);
  const retention = {
    ...(acceleration.retentionPeriod === undefined ? {} : { periodMs: acceleration.retentionPeriod }),
    ...(predicate === undefined ? {} : { predicate }),
  };
  const { timeColumn, timePartitionColumn } = dataset;
  return {
    name: dataset.name,
    fullName: dataset.fullName,
    engine: acceleration.engine,
    mode: acceleration.mode,
    parameters: acceleration.params,
    partitionBy: acceleration.partitionBy.map(({ name, expression }) => {
      const { canonical, sql, plain } = unboundPartitionExpression(expression);
      return { name, expression: canonical, sql, plain };
    }),
    unitPath: (values) => valuePath(names, values),
    primaryKey: acceleration.primaryKey ?? [],
    indexes: acceleration.indexes.map(({ columns, rule }) => ({ columns, unique: rule === "unique" })),
    ...(onConflict === undefined ? {} : { onConflict }),
    refreshMode: acceleration.refreshMode === "append" ? "append" : "full",
    ...(acceleration.refreshSql === undefined ? {} : { refreshSql: acceleration.refreshSql }),
    ...(acceleration.refreshDataWindow === undefined ? {} : { dataWindowMs: acceleration.refreshDataWindow }),
    ...(acceleration.refreshAppendOverlap === undefined
      ? {}
      : { appendOverlapMs: acceleration.refreshAppendOverlap }),
    ...(timeColumn === undefined ? {} : { timeColumn: { name: timeColumn, format: dataset.timeFormat } }),
    ...(timePartitionColumn === undefined
      ? {}
      : { timePartitionColumn: { name: timePartitionColumn, format: dataset.timePartitionFormat } }),
    ...(acceleration.retentionCheckEnabled && Object.keys(retention).length > 0 ? { retention } : {}),
    refreshOnStartup: acceleration.refreshOnStartup,
  };
}
