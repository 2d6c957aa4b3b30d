import type { Figure } from "../figure.ts";
import { Asking } from "./asking.ts";
import { MovesBed } from "./bed.ts";
import type { MovesData } from "./data.ts";

/**
 * B22: from `kill -9` of one of three executors to right answers over all partitions, from the source; and the drain of
 * one, whose partitions are copied from it.
 */
export async function lossAndDrain(data: MovesData, perExecutor: number): Promise<Figure[]> {
  const lostAfterMs = Number(process.env["LOST_AFTER"] ?? 15) * 1000;
  const bed = await MovesBed.start(data, {
    executors: 3,
    partitions: perExecutor * 3,
    settings: { executor_lost_after: `${lostAfterMs}ms` },
  });
  const asking = new Asking(data, [await bed.cluster.http()]);
  const label = `${perExecutor} partitions per executor`;
  try {
    await bed.settled([0, 1, 2]);
    await asking.rights(10);
    // From a peer: the drained executor is the one that gives.
    const rowsBefore = await bed.metric("executors", "executor_partition_copy_rows");
    const bytesBefore = await bed.metric("executors", "executor_partition_copy_bytes");
    const drainedAt = performance.now();
    await bed.drain(2);
    await bed.settled([0, 1]);
    const drainMs = performance.now() - drainedAt;
    const bytes = (await bed.metric("executors", "executor_partition_copy_bytes")) - bytesBefore;
    const rows = (await bed.metric("executors", "executor_partition_copy_rows")) - rowsBefore;
    await asking.rights(5);
    const whileDraining = asking.seen(drainedAt);
    const alone = await loadedAlone(data);
    await bed.drain(2, true);
    await bed.settled([0, 1, 2]);
    await asking.rights(5);
    // From the source.
    const killedAt = performance.now();
    bed.cluster.executors[2]!.kill("SIGKILL");
    await bed.settled([0, 1]);
    await asking.rights(10);
    const again = asking.rightAgainAtMs(killedAt)!;
    const afterKill = asking.seen(killedAt);
    return [
      {
        name: `B22 kill -9 to right answers ÷ executor_lost_after, from the source, ${label}`,
        value: again - killedAt,
        unit: "ms",
        baseline: lostAfterMs,
      },
      { name: `… wrong answers meanwhile, ${label}`, value: afterKill.wrong, unit: "" },
      {
        name: `drain of one of three ÷ one DuckDB that loads the same share, from a peer, ${label}`,
        value: drainMs,
        unit: "ms",
        baseline: alone.ms,
      },
      { name: `… ms per partition, ${label}`, value: drainMs / perExecutor, unit: "ms" },
      {
        name: `… failed or wrong meanwhile, ${label}`,
        value: whileDraining.wrong + whileDraining.failed,
        unit: "",
      },
      {
        name: `bytes moved by the drain ÷ the same rows as lz4 Parquet, ${label}`,
        value: bytes,
        unit: "B",
        baseline: (alone.bytes * rows) / alone.rows,
      },
      {
        name: `rows moved by the drain ÷ rows of the drained share, ${label}`,
        value: rows,
        unit: "",
        baseline: data.rows / 3,
      },
    ];
  } catch (error) {
    throw new Error(`${String(error)}\n${asking.takeErrors()}\n${bed.cluster.tails()}`, { cause: error });
  } finally {
    await asking.stop();
    await bed.stop();
  }
}

/** One DuckDB that loads a third of the rows from the source's file, and how many bytes that third has as Parquet. */
async function loadedAlone({
  one,
  file,
  dir,
}: MovesData): Promise<{ ms: number; bytes: number; rows: number }> {
  const start = performance.now();
  await one.run(`CREATE OR REPLACE TABLE share AS SELECT * FROM '${file}' WHERE id % 3 = 0`);
  const ms = performance.now() - start;
  const copy = `${dir}/share.parquet`;
  await one.run(`COPY share TO '${copy}' (FORMAT parquet, COMPRESSION lz4)`);
  const [size] = await one.rows(`SELECT size FROM read_blob('${copy}')`);
  const [count] = await one.rows("SELECT count(*) AS n FROM share");
  return { ms, bytes: Number(size!["size"]), rows: Number(count!["n"]) };
}
