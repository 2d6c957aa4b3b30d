import type { AcceleratorRegistry } from "../adapters/engine/registry.ts";
import type { AppTable } from "../core/app/app.ts";
import { refreshSchedule } from "../core/refresh/schedule.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Database } from "../ports/database.ts";
import type { Source } from "../ports/source.ts";
import { datasetConfigOf } from "./dataset-config-of.ts";
import { againAfterConflict } from "./storage/again-after-conflict.ts";
import { openDataset } from "./storage/open-dataset.ts";
import type { ExecutorPartitionStore } from "./storage/partition-store.ts";
import { TableHolder, type TableHolderOptions } from "./table-holder.ts";

/** What an executor has for the tables of its spicepod. */
export interface TableMeans
  extends Pick<
    TableHolderOptions,
    "clock" | "random" | "log" | "metrics" | "copies" | "mayWrite" | "report" | "reportTable"
  > {
  readonly database: Database;
  readonly registry: AcceleratorRegistry;
  readonly dataDir: string;
  readonly store: ExecutorPartitionStore;
  /** Open the source of a dataset, with its secrets resolved. */
  source(table: AppTable, signal: AbortSignal): Promise<Source>;
}

/** The holder of an accelerated dataset of the spicepod. */
export function tableHolder(table: AppTable, means: TableMeans): TableHolder {
  const { registry, database, clock, dataDir, log, metrics, source, store } = means;
  const { acceleration } = table.dataset;
  const config = datasetConfigOf(table);
  metrics.addDataset(table.name);
  return new TableHolder({
    ...means,
    name: table.name,
    fullName: table.fullName,
    open: (signal, columns) => {
      const warn = (message: string, cause: unknown) =>
        log.warn({ dataset: table.name, cause: messageOf(cause) }, message);
      const open = async () => {
        const opened = await source(table, signal);
        try {
          const context = { database, registry, source: opened, clock, dataDir, warn, columns };
          return await openDataset(config, context, signal);
        } catch (error) {
          // The table that would have owned it does not exist.
          await opened.close();
          throw error;
        }
      };
      return againAfterConflict(open, { clock, warn }, signal);
    },
    opened: (opened) => {
      if (opened === undefined) store.remove(table.fullName);
      else store.add(opened);
    },
    schedule: refreshSchedule({
      ...(acceleration.refreshCheckInterval === undefined
        ? {}
        : { intervalMs: acceleration.refreshCheckInterval }),
      ...(acceleration.refreshCron === undefined ? {} : { cron: acceleration.refreshCron }),
      jitterEnabled: acceleration.refreshJitterEnabled,
      ...(acceleration.refreshJitterMax === undefined ? {} : { jitterMaxMs: acceleration.refreshJitterMax }),
    }),
    retry: {
      enabled: acceleration.refreshRetryEnabled,
      ...(acceleration.refreshRetryMaxAttempts === undefined
        ? {}
        : { maxAttempts: acceleration.refreshRetryMaxAttempts }),
    },
    ...(config.retention === undefined
      ? {}
      : { retentionCheckMs: acceleration.retentionCheckInterval ?? 60_000 }),
  });
}
