import { expect, test } from "@jest/globals";
import type { ClusterView } from "../lifecycle/types.ts";
import { buildStatus } from "./build-status.ts";
import type { StatusFacts } from "./facts.ts";
import { eventsOf, transitionsOf } from "./transitions.ts";

const view = (loaded: number, freshMs = 1_700_000_000_000): ClusterView => ({
  kind: "known",
  revision: 1,
  appGeneration: 1,
  executors: [],
  partitions: { total: 4, assigned: 4, loaded },
  tables: [{ name: "t", total: 4, assigned: 4, loaded, freshMs }],
});

const fine: StatusFacts = {
  generation: 2,
  nowMs: 1_700_000_000_000,
  selector: "a=b",
  pausedByUser: false,
  insecure: false,
  config: "valid",
  certificates: {
    secretName: "ca",
    rootExpiresMs: 1_800_000_000_000,
    leavesExpireMs: 1_750_000_000_000,
    phase: "stable",
    waitingFor: {},
  },
  schedulers: { ready: 1, wanted: 1, total: 1, current: true },
  executors: { ready: 2, wanted: 2, total: 2 },
  view: view(4),
  accelerated: 1,
  spicepod: { generation: 1, digest: "d" },
  planned: [],
  pause: undefined,
};

const ready = (facts: StatusFacts) =>
  buildStatus(facts, undefined).conditions?.find(({ type }) => type === "Ready");

test("equal facts give an equal status, whenever they are looked at", () => {
  const first = buildStatus(fine, undefined);
  const later = { ...fine, nowMs: fine.nowMs + 60_000, view: view(4, fine.nowMs + 59_000) };
  expect(buildStatus(later, first)).toEqual(first);
  const muchLater = { ...fine, nowMs: fine.nowMs + 660_000, view: view(4, fine.nowMs + 650_000) };
  expect(buildStatus(muchLater, first).datasets?.[0]?.lastRefresh).toBe("2023-11-14T22:24:10Z");
});

test("good news of one status is one event, bad news is one each, and nothing is left out", () => {
  const before = buildStatus(
    { ...fine, schedulers: { ...fine.schedulers, ready: 0, current: false } },
    undefined,
  );
  const born = eventsOf(transitionsOf([], before.conditions ?? []));
  expect(born).toHaveLength(1);
  const after = buildStatus(fine, before);
  const up = eventsOf(transitionsOf(before.conditions ?? [], after.conditions ?? []));
  expect(up).toEqual([
    {
      type: "Normal",
      reason: "AsExpected",
      action: "Ready",
      note: expect.stringMatching(/^The cluster answers .* Progressing is False: /),
    },
  ]);
  const problem = { reason: "InvalidSpec", message: "no", terminal: true } as const;
  const down = buildStatus({ ...fine, config: problem, problem }, after);
  const told = transitionsOf(after.conditions ?? [], down.conditions ?? []);
  const bad = told.filter(({ type }) => type === "Warning");
  expect(bad.length).toBeGreaterThan(1);
  const events = eventsOf(told);
  expect(events.filter(({ type }) => type === "Warning").map(({ action }) => action)).toEqual(
    bad.map(({ condition }) => condition.type),
  );
});

test("a condition keeps the time of its last transition while only its words change", () => {
  const first = buildStatus({ ...fine, view: view(1) }, undefined);
  const later = buildStatus({ ...fine, view: view(2), nowMs: fine.nowMs + 9_000 }, first);
  const [before, after] = [first, later].map(({ conditions = [] }) => conditions[0]);
  expect(after).toMatchObject({ type: "Ready", message: "2 of 4 partitions are loaded." });
  expect(after?.lastTransitionTime).toBe(before?.lastTransitionTime);
  expect(transitionsOf(first.conditions ?? [], later.conditions ?? [])).toEqual([]);
});

test.each<[string, Partial<StatusFacts>, string]>([
  ["no scheduler", { schedulers: { ready: 0, wanted: 1, total: 1, current: false } }, "SchedulersNotReady"],
  ["an executor less", { executors: { ready: 1, wanted: 2, total: 2 } }, "ExecutorsNotReady"],
  ["no executors wanted", { executors: { ready: 0, wanted: 0, total: 0 } }, "NoExecutors"],
  ["nobody answers", { view: { kind: "unreachable", reason: "silence" } }, "SchedulerUnreachable"],
  ["a dataset that is not known yet", { accelerated: 2 }, "PartitionsLoading"],
  [
    "an invalid resource",
    { config: { reason: "InvalidSpec", message: "no", terminal: true } },
    "InvalidSpec",
  ],
])("not ready: %s", (_, facts, reason) => {
  expect(ready({ ...fine, ...facts })).toMatchObject({ status: "False", reason });
});

test("an executor that is away in a rollout costs no readiness as long as all is loaded", () => {
  const planned = [
    { type: "Progressing", status: "True", reason: "RollingOut", message: "1 of 2 executors are updated" },
  ] as const;
  const rolling = { ...fine, planned, executors: { ready: 1, wanted: 2, total: 2 } };
  expect(ready(rolling)?.status).toBe("True");
  expect(ready({ ...rolling, view: view(3) })?.reason).toBe("PartitionsLoading");
});

test("a pass that did not come to judge keeps what was judged", () => {
  const before = buildStatus(
    { ...fine, config: { reason: "InvalidSpec", message: "no", terminal: true } },
    undefined,
  );
  const { config: _, ...without } = fine;
  const problem = { reason: "ApiError", message: "away", terminal: false } as const;
  const after = buildStatus({ ...without, problem }, before);
  expect(after.conditions?.find(({ type }) => type === "ConfigValid")?.reason).toBe("InvalidSpec");
  expect(after.conditions?.find(({ type }) => type === "Degraded")?.reason).toBe("ApiError");
});

test.each<[string, Partial<StatusFacts>, string]>([
  [
    "no scheduler",
    {
      schedulers: {
        ...{ ready: 0, wanted: 1, total: 1, current: false },
        troubles: ["t-scheduler-0 (CrashLoopBackOff: no such bucket)"],
      },
    },
    "No scheduler is ready: t-scheduler-0 (CrashLoopBackOff: no such bucket)",
  ],
  [
    "too few executors",
    { executors: { ready: 1, wanted: 5, total: 5, troubles: ["a", "b", "c", "d"] } },
    "1 of 5 executors are ready: a; b; c; and 1 more",
  ],
  [
    "a dataset that cannot be loaded",
    { view: { ...view(1), problems: [{ dataset: "t", message: "disk full" }] } as ClusterView },
    "1 of 4 partitions are loaded: t: disk full",
  ],
  [
    "a dataset that cannot be found",
    { accelerated: 2, view: { ...view(4), problems: [{ dataset: "u", message: "404" }] } as ClusterView },
    "1 of 2 datasets have been discovered: u: 404",
  ],
])("%s is told with its cause", (_, facts, message) => {
  expect(ready({ ...fine, ...facts })?.message).toBe(message);
});

const degraded = (facts: Partial<StatusFacts>) => {
  const found = buildStatus({ ...fine, ...facts }, undefined).conditions?.find(
    ({ type }) => type === "Degraded",
  );
  return `${found?.status} ${found?.reason}: ${found?.message}`;
};
const stuck = { ready: 2, wanted: 2, total: 3, current: false, troubles: ["s-3 (ImagePullBackOff)"] };
const failing = (loaded: number) =>
  ({ ...view(loaded), problems: [{ dataset: "t", message: "disk full" }] }) as ClusterView;

test("schedulers that cannot start and datasets that cannot be loaded degrade a cluster", () => {
  expect(degraded({ schedulers: stuck })).toBe(
    "True SchedulersNotReady: 2 of 2 schedulers are ready: s-3 (ImagePullBackOff)",
  );
  expect(degraded({ view: failing(3) })).toBe("True PartitionsLoading: Datasets fail: t: disk full");
  // A refresh that failed leaves the old data, and a pod that starts says nothing.
  expect(degraded({ view: failing(4) })).toBe("False AsExpected: Nothing is wrong.");
  expect(degraded({ schedulers: { ...stuck, troubles: [] } })).toBe("False AsExpected: Nothing is wrong.");
});
