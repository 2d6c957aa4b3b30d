import type { ClusterDocument, TableEntry } from "../core/cluster/document/document.ts";
import { printRefreshCommand, type RefreshCommand } from "../core/refresh/refresh-command.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Logger } from "../observe/log.ts";
import type { RefreshOutcome, RefreshRequest } from "../ports/node-info.ts";
import type { Random } from "../ports/random.ts";
import { CommandRefusedError, type Commands } from "./commands.ts";

export interface RefreshCommandsOptions {
  readonly commands: Pick<Commands, "send">;
  readonly document: () => ClusterDocument;
  /** Executors that are connected here. */
  readonly live: () => readonly string[];
  /** Discover one table's partitions and assign what is new. */
  reconcile(fullName: string, signal: AbortSignal): Promise<unknown>;
  readonly random: Random;
  readonly log: Pick<Logger, "warn">;
  /** Aborts when the scheduler stops. */
  readonly signal: AbortSignal;
}

/** What people ask of a dataset, sent to the executors that it concerns (spec chapter 05, Refresh). */
export class RefreshCommands {
  readonly #options: RefreshCommandsOptions;

  constructor(options: RefreshCommandsOptions) {
    this.#options = options;
  }

  /** Reconcile the table's partitions, then have their owners read the source again; accepted when all of them took it. */
  async refresh(fullName: string, request: RefreshRequest): Promise<RefreshOutcome> {
    const { document, reconcile, log, signal } = this.#options;
    const { refreshMode: mode, refreshSql, refreshJitterMaxMs: jitterMaxMs, partition } = request;
    try {
      await reconcile(fullName, signal);
    } catch (error) {
      log.warn(
        { dataset: fullName, cause: messageOf(error) },
        "Discovery before a refresh failed; refreshing what is assigned",
      );
    }
    const entry = document().accelerations[fullName];
    let owners = [...(entry?.partitions.ownedCounts().keys() ?? [])];
    let partitions: readonly string[] | undefined;
    if (entry !== undefined && partition !== undefined) {
      const found = findPartition(entry, partition);
      if (typeof found === "string") return { kind: "refused", message: found };
      partitions = [found.key];
      owners = found.owner === undefined ? [] : [found.owner];
    }
    if (owners.length === 0) {
      return { kind: "unavailable", message: "No executor owns what is to be refreshed yet" };
    }
    return this.#send(fullName, owners, {
      kind: "refresh",
      ...(mode === undefined ? {} : { mode }),
      ...(refreshSql === undefined ? {} : { refreshSql }),
      ...(jitterMaxMs === undefined ? {} : { jitterMaxMs }),
      ...(partitions === undefined ? {} : { partitions }),
    });
  }

  /** To every executor that is connected: one that owns nothing of the table now may do so later. */
  async setRefreshSql(fullName: string, refreshSql: string | null): Promise<RefreshOutcome> {
    const executors = this.#options.live();
    if (executors.length === 0) return { kind: "unavailable", message: "No executor is connected" };
    return this.#send(fullName, executors, { kind: "set-refresh-sql", refreshSql });
  }

  async #send(
    fullName: string,
    executors: readonly string[],
    command: RefreshCommand,
  ): Promise<RefreshOutcome> {
    const { commands, random, signal } = this.#options;
    const value = { requestId: random.uuid(), table: fullName, overrides: printRefreshCommand(command) };
    const outcomes = await Promise.allSettled(
      executors.map((executor) => commands.send(executor, { $case: "refreshDataset", value }, signal)),
    );
    const failed = outcomes.find((o) => o.status === "rejected");
    if (failed === undefined) return { kind: "accepted" };
    const kind = failed.reason instanceof CommandRefusedError ? "refused" : "unavailable";
    return { kind, message: messageOf(failed.reason) };
  }
}

/** The partition of a table that a client names by its values; a text that says why there is none. */
function findPartition(
  entry: TableEntry,
  value: Readonly<Record<string, string | null>>,
): { readonly key: string; readonly owner: string | undefined } | string {
  const expressions = entry.partition_expressions;
  const named = Object.keys(value);
  if (named.length !== expressions.length || named.some((name) => !expressions.includes(name))) {
    return `A partition of ${entry.table_name} is named by ${list(expressions)}, not by ${list(named)}`;
  }
  const set = entry.partitions;
  const key = JSON.stringify(expressions.map((e) => value[e] ?? null));
  const index = set.indexOfKey(key);
  if (index < 0) return `${entry.table_name} has no partition ${JSON.stringify(value)}`;
  return { key, owner: set.owner(index) };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => JSON.stringify(name)).join(" and ");
}
