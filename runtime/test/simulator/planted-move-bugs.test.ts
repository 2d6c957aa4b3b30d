import { afterEach, describe, expect, jest, test } from "@jest/globals";
import type { ClusterDocument } from "../../src/core/cluster/document/document.ts";
import type { PartitionReport } from "../../src/core/cluster/membership/messages.ts";
import { DepartureWatch } from "../../src/core/cluster/moves/departure-watch.ts";
import { ClusterState } from "../../src/scheduler/state/cluster-state.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { SimScheduler } from "./sim-scheduler.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";
import { Violation } from "./truth.ts";

/** The simulator proves itself: each bug in a rule of the moves is caught, by the right invariant. */
async function firstViolation(
  options: Omit<SimulationOptions, "seed">,
  seeds: number,
  from = 1,
): Promise<string> {
  for (let seed = from; seed < from + seeds; seed += 1) {
    try {
      await new Simulation({ seed, faultyMs: 60_000, faultCount: 12, ...options }).run();
    } catch (error) {
      if (error instanceof Violation) return error.message;
      throw error;
    }
  }
  return "nothing was caught";
}

const faults = (...kinds: FaultKind[]) => kinds;
const planted = (scheduler: (scheduler: SimScheduler) => void) => ({ bugs: { scheduler } });

/** Every scheduler's moves, changed after they were planned. */
function replan(change: (before: ClusterDocument, after: ClusterDocument) => ClusterDocument) {
  return planted((scheduler) => {
    const prepare = scheduler.moves.prepare.bind(scheduler.moves);
    scheduler.moves.prepare = async (signal) => {
      const plan = await prepare(signal);
      return (document) => {
        const { document: after, result } = plan(document);
        return { document: change(document, after), result };
      };
    };
  });
}

/** What schedulers believe to have been reported. */
function believing(
  change: (
    report: PartitionReport | undefined,
    table: string,
    key: string,
    s: SimScheduler,
  ) => PartitionReport | undefined,
) {
  return planted((scheduler) => {
    const of = scheduler.reports.of.bind(scheduler.reports);
    scheduler.reports.of = (executor, table, key, instance) =>
      change(of(executor, table, key, instance), table, key, scheduler);
  });
}

function presentEpoch(s: SimScheduler, table: string, key: string): number {
  const partitions = s.state.document.accelerations[table]?.partitions;
  return partitions === undefined ? 0 : partitions.epoch(partitions.indexOfKey(key));
}

const links = faults("cut-link", "cut-link", "pause-executor", "kill-scheduler");

afterEach(() => {
  jest.restoreAllMocks();
});

describe("planted bugs in the moves", () => {
  test("a lease that is not awaited", async () => {
    // Silence counts for more than twice as long as it was.
    const hasty = planted(({ desk: { watch } }) => {
      const silentForMs = watch.silentForMs.bind(watch);
      watch.silentForMs = (id, instance) => {
        const silent = silentForMs(id, instance);
        return silent === undefined ? undefined : silent * 2.5;
      };
    });
    const options = { ...hasty, faults: links, executors: 3 };
    expect(await firstViolation(options, 50)).toMatch(/two owners$/);
  });

  test("the evidence of one scheduler only", async () => {
    const lonely = planted((scheduler) => {
      scheduler.heard = () => [];
    });
    const options = { ...lonely, faults: links, executors: 3, schedulers: 3 };
    expect(await firstViolation(options, 50)).toMatch(/two owners$/);
  });

  test("a scheduler that leaves with a lease that it confirmed", async () => {
    jest.spyOn(DepartureWatch.prototype, "sinceMs").mockReturnValue(Number.POSITIVE_INFINITY);
    const options = { faults: faults("cut-link", "stop-scheduler"), schedulers: 2, executors: 3 };
    expect(await firstViolation(options, 50)).toMatch(/two owners$/);
  });

  /** Seconds pass between the evidence and the write that stands on it. */
  const slow = planted(({ moves, process }) => {
    const prepare = moves.prepare.bind(moves);
    moves.prepare = async (signal) => {
      const plan = await prepare(signal);
      await process.clock.sleep(3_000, signal);
      return plan;
    };
  });
  const returning = {
    ...slow,
    faults: faults("cut-link"),
    schedulers: 2,
    executors: 2,
    faultCount: 16,
  };

  test("a return that is not written before it is confirmed", async () => {
    const { change } = ClusterState.prototype;
    jest.spyOn(ClusterState.prototype, "change").mockImplementation(function (
      this: ClusterState,
      apply: Parameters<typeof change>[0],
    ) {
      return change.call(this, (document) => {
        const applied = apply(document);
        const fields = Object.keys(applied.document) as (keyof ClusterDocument)[];
        const touched = fields.some((name) => applied.document[name] !== document[name]);
        return touched ? applied : { ...applied, document };
      });
    } as typeof change);
    // About one schedule in a hundred comes to it.
    expect(await firstViolation(returning, 20, 200)).toMatch(/two owners$/);
  });

  test("a promotion of a learner that has not loaded", async () => {
    const trusting = believing((report) => report && { ...report, state: "loaded" });
    const guessing = believing((report, table, key, s) => ({
      table,
      key,
      epoch: presentEpoch(s, table, key),
      version: 1_000,
      rows: 0,
      bytes: 0,
      ...report,
      state: "loaded",
    }));
    const options = { faults: faults("add-executor", "store-faults", "lose-executor"), executors: 3 };
    expect(await firstViolation({ ...trusting, ...options }, 50)).toMatch(/has not loaded it$/);
    expect(await firstViolation({ ...guessing, ...options }, 50)).toMatch(/has not loaded it$/);
  });

  test("a report whose epoch is not checked", async () => {
    const blind = believing(
      (report, table, key, s) => report && { ...report, epoch: presentEpoch(s, table, key) },
    );
    const options = {
      ...blind,
      faults: faults("drain", "pause-executor", "add-executor", "cut-link"),
      executors: 3,
    };
    expect(await firstViolation(options, 300)).toMatch(/has not loaded it$/);
  });

  test("an old owner that is freed first", async () => {
    const freeing = replan((before, after) => {
      const accelerations = Object.fromEntries(
        Object.entries(after.accelerations).map(([name, table]) => {
          if (before.accelerations[name] === table) return [name, table];
          const edit = table.partitions.edit();
          for (const [index, { learners }] of table.partitions.columns.extras) {
            if (learners !== undefined) edit.release(index);
          }
          return [name, { ...table, partitions: edit.build() }];
        }),
      );
      return after === before ? before : { ...after, accelerations };
    });
    const options = { ...freeing, faults: faults("add-executor", "drain"), executors: 2 };
    expect(await firstViolation(options, 20)).toMatch(/was freed before an heir had loaded$/);
  });
  test("seconds between evidence and write are no bug", async () => {
    expect(await firstViolation(returning, 10, 130)).toBe("nothing was caught");
  });
});

describe("the loss of most executors", () => {
  test("is taken for true by a planner that does not count", async () => {
    const ghosts = Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`ghost${i}`, { instance_id: "g", state: "active" as const }]),
    );
    const uncounted = planted((scheduler) => {
      const prepare = scheduler.moves.prepare.bind(scheduler.moves);
      scheduler.moves.prepare = async (signal) => {
        const plan = await prepare(signal);
        return (document) => {
          const { document: after, result } = plan({
            ...document,
            executors: { ...document.executors, ...ghosts },
          });
          if (result.removed.length === 0) return plan(document);
          const executors = Object.fromEntries(
            Object.entries(after.executors).filter(([id]) => ghosts[id] === undefined),
          );
          return { document: { ...after, executors }, result };
        };
      };
    });
    const kinds = faults("kill-executor", "kill-executor", "pause-executor");
    expect(await firstViolation({ ...uncounted, faults: kinds, executors: 2 }, 50)).toMatch(
      /removed at once$/,
    );
  });
});

describe("the same schedules without a bug", () => {
  test.each<[string, readonly FaultKind[]]>([
    ["cut links", links],
    ["schedulers that leave", faults("cut-link", "stop-scheduler")],
    ["drains and joins", faults("drain", "pause-executor", "add-executor", "lose-executor", "store-faults")],
  ])("%s", async (_, kinds) => {
    expect(await firstViolation({ faults: kinds, executors: 3 }, 10)).toBe("nothing was caught");
  });
});
