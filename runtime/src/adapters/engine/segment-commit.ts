import { messageOf } from "../../core/text/message-of.ts";
import { StorageFullError, type TableVersion } from "../../ports/accelerator.ts";
import { isStorageFull } from "./is-storage-full.ts";
import { Draft } from "./segment-draft.ts";
import type { SegmentOptions, SegmentSpace } from "./segment-space.ts";
import { mergeStatistics } from "./segment-sql.ts";

/** What one table contributes to a commit. */
export interface CommitPart {
  readonly space: SegmentSpace;
  readonly options: SegmentOptions;
  /** The number of the new version. */
  readonly number: number;
  /** The version that the new one follows. */
  readonly before: TableVersion;
  readonly signal?: AbortSignal;
  /** Write the segments; undefined when there is nothing to change. */
  write(draft: Draft): Promise<Draft["next"] | undefined>;
}

/**
 * Write the parts and commit them in one transaction: after a crash, or when this throws, storage has all new versions
 * or none. Several parts are of spaces of one group. Gives the new versions in order, undefined for a part that changed
 * nothing. Throws {@link StorageFullError}, `SqlError` and what the parts and `confirm` throw, which is awaited when
 * everything was written.
 */
export async function commitTogether(
  parts: readonly CommitPart[],
  confirm?: () => Promise<void>,
): Promise<readonly (TableVersion | undefined)[]> {
  const [first] = parts;
  if (first === undefined) return [];
  let versions: readonly (TableVersion | undefined)[] = [];
  let committed: readonly boolean[] = parts.map(() => false);
  try {
    for (const { space } of parts) await space.prepare();
    await first.space.database.withConnection(async (connection) => {
      await connection.run("BEGIN TRANSACTION");
      try {
        const made: (TableVersion | undefined)[] = [];
        for (const part of parts) {
          const { space, options, number, signal } = part;
          const draft = new Draft(connection, space, options, number, signal);
          const next = await part.write(draft);
          made.push(next === undefined ? undefined : await seal(draft, number, next));
        }
        await confirm?.();
        // What was empty and stays so leaves nothing in storage.
        const stored = parts.map(({ before }, i) => {
          const version = made[i];
          return version !== undefined && (version.segments.length > 0 || before.segments.length > 0);
        });
        const states = parts.flatMap(({ options }, i) =>
          stored[i] === true ? [{ options, version: made[i]! }] : [],
        );
        if (states.length > 0) {
          if (parts.length === 1) await first.space.save(connection, states[0]!.version);
          else await first.space.group!.save(connection, states);
        }
        versions = made;
        await connection.run(states.length === 0 ? "ROLLBACK" : "COMMIT");
        committed = stored;
      } catch (error) {
        await connection.run("ROLLBACK").catch(() => undefined); // The transaction may have ended by the error.
        throw error;
      }
    });
  } catch (error) {
    const durable = await recovered(parts, versions, error);
    if (durable === undefined) {
      if (!committed.includes(true)) for (const { space } of parts) await space.abandon();
      throw storageError(error, first.options);
    }
    committed = durable;
  }
  for (const [i, { space }] of parts.entries()) {
    if (committed[i] === true) space.committed();
    else await space.abandon();
  }
  return versions;
}

/**
 * Make the storage readable again if `error` says that the engine gave it up. Gives which of the parts it then holds in
 * the new version, when only what follows a commit failed; else undefined.
 */
async function recovered(
  parts: readonly CommitPart[],
  versions: readonly (TableVersion | undefined)[],
  error: unknown,
): Promise<readonly boolean[] | undefined> {
  const durable: boolean[] = [];
  for (const [i, { space }] of parts.entries()) {
    const held = await space.recover(error);
    // They share a commit: when the first one needs no recovery, none does.
    if (held === undefined && i === 0) return undefined;
    durable.push(held !== undefined && held === versions[i]?.version);
  }
  return durable.includes(true) ? durable : undefined;
}

async function seal(draft: Draft, version: number, next: Draft["next"]): Promise<TableVersion> {
  const kept = new Set(next.segments.map((s) => s.id));
  for (const segment of draft.written) {
    if (!kept.has(segment.id)) await draft.run(`DROP TABLE ${draft.relation(segment)}`);
  }
  const watermark =
    draft.newest !== null && (next.watermark === null || draft.newest > next.watermark)
      ? draft.newest
      : next.watermark;
  return {
    ...next,
    watermark,
    version,
    rows: next.segments.reduce((sum, s) => sum + s.rows, 0),
    bytes: next.segments.reduce((sum, s) => sum + s.bytes, 0),
    statistics:
      next.segments.length === 1
        ? next.segments[0]!.statistics
        : await mergeStatistics(draft.connection, next.segments, next.columns),
  };
}

/** A partition in the words of messages. */
export function unitName(options: SegmentOptions): string {
  const unit = options.dataset.unitPath(options.values);
  return unit === "" ? options.dataset.name : `${options.dataset.name} (${unit})`;
}

function storageError(error: unknown, options: SegmentOptions): unknown {
  if (!isStorageFull(error)) return error;
  return new StorageFullError(
    `No room to store a new version of ${unitName(options)}: ${messageOf(error)}. The old data keeps serving. Give the executor's volume more space, or narrow the dataset by refresh_sql.`,
    { cause: error },
  );
}
