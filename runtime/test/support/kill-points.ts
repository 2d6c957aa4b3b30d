import { readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FaultPoint } from "../../src/adapters/system/fault-point.ts";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "./answers.ts";
import type { TestCluster } from "./cluster.ts";
import { Draw } from "./draw.ts";
import { type EventsCluster, startEventsCluster } from "./events-cluster.ts";
import type { TestProcess } from "./process.ts";

const full = process.env["FULL"] === "1";
const seed = Number(process.env["SEED"] ?? 1);
/** Kills in all; four of five hit an executor. */
const kills = full ? 200 : 12;
const longestPauseMs = full ? 60_000 : 3_000;
const lanes = 2;

interface Kill {
  readonly role: "executor" | "scheduler";
  readonly point: FaultPoint;
  /** It dies at the nth time. */
  readonly times: number;
  readonly pauseMs: number;
}

const executorPoints: readonly { point: FaultPoint; most: number }[] = [
  { point: "before-acknowledgement", most: 1 },
  { point: "mid-load", most: 6 },
  { point: "before-swap", most: 3 },
  { point: "in-fragment", most: 20 },
];
const schedulerPoints: readonly { point: FaultPoint; most: number }[] = [
  { point: "before-cluster-put", most: 1 },
  { point: "after-cluster-put", most: 1 },
];

/** Every point in turn, the rest drawn. */
function plan(lane: number): Kill[] {
  const draw = new Draw(seed * 1_000 + lane);
  return Array.from({ length: kills / lanes }, (_, i): Kill => {
    const role = i % 6 === 5 ? "scheduler" : "executor";
    const points = role === "executor" ? executorPoints : schedulerPoints;
    const { point, most } = points[(i + lane) % points.length]!;
    return { role, point, times: 1 + draw.below(most), pauseMs: draw.below(longestPauseMs) };
  });
}

export interface Lane {
  /** How the acceleration stores, as lines below `engine: duckdb`. */
  readonly acceleration: readonly string[];
  /** Half of all kills each; other draws in each. */
  readonly lane: 0 | 1;
}

/**
 * Define the tests of one lane: nodes of one cluster die at fault points, come back, and the cluster must answer
 * exactly within 60 s, with a revision that never falls and no file that nothing refers to.
 */
export function killPoints({ acceleration, lane }: Lane): void {
  describe(`kill points with ${acceleration.join(", ")}`, () => {
    let bed: EventsCluster | undefined;
    let dir: string;
    let truth: Database;
    let cluster: TestCluster;
    let revision = 0;

    beforeAll(async () => {
      bed = await startEventsCluster({
        executors: 2,
        rows: 10_000,
        acceleration: [
          "engine: duckdb",
          ...acceleration,
          "refresh_check_interval: 1s",
          'partition_by: ["bucket(6, customer_id)"]',
        ],
      });
      ({ cluster, dir, truth } = bed);
      await expectExactAnswers(cluster, truth);
    });

    afterAll(() => bed?.stop());

    /** Ask and refresh, so that every point is passed; an answer is exact or an error. */
    async function useUntilDead(node: TestProcess): Promise<void> {
      const until = Date.now() + 30_000;
      while (node.alive) {
        if (Date.now() > until)
          throw new Error(`${node.name} did not get to its fault point:\n${cluster.tails()}`);
        // A source that did not change is not read again.
        await utimes(join(dir, "events.parquet"), new Date(), new Date());
        if (cluster.schedulers[0]!.alive) {
          const http = await cluster.http();
          await fetch(`${http}/v1/datasets/events/acceleration/refresh`, { method: "POST" }).catch(
            () => undefined,
          );
          const rows = await cluster
            .sql("SELECT count(*) AS n, sum(id) AS s, count(DISTINCT region) AS r FROM events")
            .catch(() => undefined);
          if (rows !== undefined) expect(rows).toEqual([{ n: 10_000, s: 49_995_000, r: 5 }]);
        }
        await delay(20);
      }
      expect(await node.exited).toBe("SIGKILL");
    }

    async function kill({ role, point, times, pauseMs }: Kill): Promise<void> {
      const env = { SPICED_FAULT: `${point}:kill:${times}` };
      if (role === "executor") {
        const index = times % 2;
        await cluster.executors[index]!.stop();
        const armed = cluster.startExecutor(index, { env });
        // It may die before it listens.
        await armed.catch(() => undefined);
        await useUntilDead(cluster.executors[index]!);
        await delay(pauseMs);
        await cluster.startExecutor(index);
        return;
      }
      await cluster.schedulers[0]!.stop();
      await cluster.startScheduler(0, { env }).catch(() => undefined);
      await useUntilDead(cluster.schedulers[0]!);
      await delay(pauseMs);
      await cluster.startScheduler(0);
    }

    test.each(plan(lane))("$role dies $point ($times)", async (fault) => {
      await kill(fault);
      // A scheduler's id is free for another process TTL + 5 s after its last beat.
      await cluster.ready(60_000);
      await expectExactAnswers(cluster, truth);
      const state = JSON.parse(await readFile(join(cluster.dir, "state", "cluster.json"), "utf8")) as {
        revision: number;
      };
      expect(state.revision).toBeGreaterThanOrEqual(revision);
      revision = state.revision;
    });

    test("leaves no file behind that nothing refers to", async () => {
      await cluster.stopProcesses();
      for (const index of [0, 1]) {
        const data = cluster.dataDir(index);
        const files = (await readdir(data, { recursive: true, withFileTypes: true }))
          .filter((f) => f.isFile())
          .map((f) => join(f.parentPath, f.name).slice(data.length + 1))
          .filter((f) => f !== ".lock");
        const tables = lane === 1;
        const orphans = files.filter((f) =>
          tables
            ? !/^events(\.duckdb|\/units\.json)$/.test(f)
            : !/^events\/(.*\.duckdb|units\.json)$/.test(f),
        );
        expect({ index, orphans }).toEqual({ index, orphans: [] });
        if (tables) continue;
        const units = JSON.parse(await readFile(join(data, "events", "units.json"), "utf8")) as unknown;
        const named = files.filter((f) => f.endsWith(".duckdb"));
        // One file for each partition: seven in all, three or four here.
        expect([3, 4]).toContain(named.length);
        expect(units).toBeDefined();
      }
      const state = await readdir(join(cluster.dir, "state"), { recursive: true, withFileTypes: true });
      const names = state.filter((f) => f.isFile()).map((f) => f.name);
      expect(names.filter((n) => !/^(cluster\.json|.*\.yaml|latest|lock|\.lock)$/.test(n))).toEqual([]);
    });
  });
}
