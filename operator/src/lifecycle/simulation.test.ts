import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { OperatorModel, type Sabotage } from "./testing/operator-model.ts";
import { type Spec, templateOf, World } from "./testing/world.ts";
import type { ExecutorPlan } from "./types.ts";

type Event =
  | { readonly kind: "spec"; readonly change: Partial<Spec> }
  | { readonly kind: "resume"; readonly value: string }
  | { readonly kind: "crash" | "evict" | "human-drain"; readonly index: number }
  | { readonly kind: "blocked" | "unreachable"; readonly on: boolean }
  | { readonly kind: "lags"; readonly lags: OperatorModel["lags"] }
  | { readonly kind: "restart" | "grow" }
  | { readonly kind: "run"; readonly ticks: number; readonly diesAfter: number | undefined };

/** `FULL=1` looks harder. */
const full = process.env["FULL"] === "1";

const index = fc.integer({ min: 0, max: 3 });
const lag = fc.integer({ min: 0, max: 5 });
const specChange: fc.Arbitrary<Partial<Spec>> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ replicas: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ image: fc.constantFrom("good-1", "good-2", "bad-1") }) },
  { weight: 2, arbitrary: fc.record({ cpu: fc.integer({ min: 1, max: 3 }) }) },
  fc.record({ paused: fc.boolean() }),
  fc.record({ parallel: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ whenScaled: fc.constantFrom("Delete" as const, "Retain" as const) }),
);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("spec" as const), change: specChange }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("resume" as const), value: fc.constantFrom("a", "b") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "evict", "human-drain"), index }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("blocked" as const, "unreachable"), on: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("lags" as const),
      lags: fc.record({ spec: lag, sets: lag, pods: lag, claims: lag }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("restart" as const, "grow") }) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("run" as const),
      ticks: fc.integer({ min: 1, max: 12 }),
      diesAfter: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    }),
  },
);
const story = fc.array(event, { minLength: 10, maxLength: 60 });

class Simulation {
  readonly violations: string[] = [];
  readonly world: World;
  readonly operator: OperatorModel;
  readonly #drainedByPeople = new Set<number>();

  constructor(sabotage: Sabotage = {}) {
    const fail = (message: string) => this.violations.push(`${this.world.nowMs / 1000} s: ${message}`);
    const spec: Spec = {
      replicas: 3,
      image: "good-1",
      cpu: 1,
      storage: 1,
      paused: false,
      parallel: 1,
      whenScaled: "Delete",
      generation: 1,
      resume: undefined,
    };
    this.world = new World(spec, fail);
    this.operator = new OperatorModel(this.world, fail, sabotage);
    this.operator.restart();
  }

  run(ticks: number, diesAfter?: number): ExecutorPlan {
    let plan = this.operator.reconcile(diesAfter);
    for (let i = 0; i < ticks; i++) {
      this.world.tick();
      this.operator.observe();
      plan = this.operator.reconcile();
    }
    return plan;
  }

  happen(event: Event): void {
    const { world, operator } = this;
    switch (event.kind) {
      case "spec":
        world.change(event.change);
        return;
      case "resume":
        world.spec = { ...world.spec, resume: event.value };
        return;
      case "crash":
        world.crash(event.index);
        return;
      case "evict":
        world.deletePod(event.index);
        return;
      case "human-drain":
        if (world.spice.members.get(event.index)?.draining === false) this.#drainedByPeople.add(event.index);
        world.spice.drain(event.index);
        return;
      case "blocked":
        world.spice.drainsBlocked = event.on;
        return;
      case "unreachable":
        world.spice.unreachable = event.on;
        return;
      case "lags":
        operator.lags = event.lags;
        return;
      case "grow":
        world.change({ storage: world.spec.storage + 1 });
        return;
      case "restart":
        operator.restart();
        return;
      case "run":
        this.run(event.ticks, event.diesAfter);
        return;
      default:
        event satisfies never;
    }
  }

  /** People stop causing trouble and ask for something that can work. */
  heal(replicas: number): void {
    const { world } = this;
    world.spice.unreachable = false;
    world.spice.drainsBlocked = false;
    for (const index of this.#drainedByPeople) world.spice.undrain(index);
    world.change({ paused: false, replicas, image: "good-1", storage: world.spec.storage + 1 });
    let quiet = 0;
    for (let i = 0; i < 250 && quiet < 10; i++) {
      quiet = this.run(1).actions.length === 0 && this.shortcomings().length === 0 ? quiet + 1 : 0;
    }
  }

  /** What is not as the spec wants it. */
  shortcomings(): readonly string[] {
    const { world } = this;
    const wanted = Array.from({ length: world.spec.replicas }, (_, i) => i);
    const wrong: string[] = [];
    const sets = [...world.sets.keys()].sort();
    if (String(sets) !== String(wanted)) wrong.push(`executors ${sets.join()}`);
    for (const i of wanted) {
      const [pod, claim, member] = [world.pods.get(i), world.claims.get(i), world.spice.members.get(i)];
      if (pod?.template !== templateOf(world.spec) || !pod.ready)
        wrong.push(`pod ${i} ${JSON.stringify(pod)}`);
      if (claim?.capacity !== world.spec.storage) wrong.push(`claim ${i} ${JSON.stringify(claim)}`);
      if (member?.draining !== false) wrong.push(`executor ${i} drains`);
    }
    const view = world.spice.view();
    if (view.kind === "known" && view.partitions.loaded < view.partitions.total)
      wrong.push("partitions missing");
    return wrong;
  }
}

function play(events: readonly Event[], sabotage?: Sabotage): Simulation {
  const simulation = new Simulation(sabotage);
  simulation.run(15);
  for (const event of events) simulation.happen(event);
  return simulation;
}

test("whatever happens, nothing is lost, and the cluster becomes what was asked for", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(story, fc.integer({ min: 1, max: 4 }), (events, replicas) => {
      const simulation = play(events);
      simulation.heal(replicas);
      for (const kind of simulation.operator.carriedOut) seen.add(kind);
      expect(simulation.violations).toEqual([]);
      expect(simulation.shortcomings()).toEqual([]);
      // At rest nothing is written and nothing is complained of.
      for (let i = 0; i < 10; i++) {
        const plan = simulation.run(1);
        expect(plan.actions).toEqual([]);
        expect(plan.conditions.map(({ status, reason }) => `${status} ${reason}`)).toEqual(
          Array(3).fill("False AsExpected"),
        );
        expect(plan.schedulersMayRoll).toBe(true);
      }
    }),
    { numRuns: full ? 10_000 : 300 },
  );
  // Else the stories would prove little.
  expect([...seen].sort()).toEqual([
    "apply-template",
    "create",
    "delete-claim",
    "delete-pod",
    "delete-stateful-set",
    "drain",
    "expand-claim",
    "mark",
    "pause",
    "resume",
    "scale",
    "set-retention",
    "undrain",
  ]);
}, 600_000);

test("a broken image stops after the canary, pauses the cluster, and a revert heals it", () => {
  const simulation = new Simulation();
  const { world } = simulation;
  const broken = () => [...world.pods].filter(([, pod]) => pod.template === "bad-1/1").map(([i]) => i);
  simulation.run(20);
  world.change({ image: "bad-1" });
  const stopped = simulation.run(15);
  expect(broken()).toEqual([2]);
  expect(stopped.conditions).toContainEqual({
    type: "Degraded",
    status: "True",
    reason: "RolloutStopped",
    message:
      "the rollout stopped: x-executor-2-0 (CrashLoopBackOff: exec format error) does not become ready; no other executor is changed",
  });
  const paused = simulation.run(60);
  expect(broken()).toEqual([2]);
  expect(world.pause).toEqual({ reason: "CrashLooping", generation: 2 });
  expect(paused.conditions.find(({ type }) => type === "Paused")).toMatchObject({ reason: "CrashLooping" });
  // Whatever restarts meanwhile comes back as it was.
  world.deletePod(0);
  simulation.run(10);
  expect(broken()).toEqual([2]);
  world.change({ image: "good-1" });
  simulation.run(30);
  expect(simulation.shortcomings()).toEqual([]);
  expect(world.pause).toBeUndefined();
  expect(simulation.violations).toEqual([]);
});

describe("planted faults are noticed", () => {
  const faults: Readonly<Record<string, Sabotage>> = {
    "takes every executor for drained": {
      input: (input) =>
        input.cluster.kind === "unreachable"
          ? input
          : {
              ...input,
              cluster: {
                ...input.cluster,
                executors: input.cluster.executors.map((e) => ({
                  ...e,
                  owned: 0,
                  drain: { state: "DRAINED", remaining: 0 },
                })),
              },
            },
    },
    "trusts its caches": { trustsCaches: true },
    "takes every pod for ready": {
      input: (input) => ({
        ...input,
        executors: new Map(
          [...input.executors].map(([i, e]) => [
            i,
            e.pod === undefined ? e : { ...e, pod: { ...e.pod, ready: true } },
          ]),
        ),
      }),
    },
    "lets claims go with a stop": {
      plan: (plan) => ({
        ...plan,
        actions: plan.actions.map((action) =>
          "shape" in action
            ? {
                ...action,
                shape: { ...action.shape, retention: { whenScaled: "Delete", whenDeleted: "Delete" } },
              }
            : action,
        ),
      }),
    },
    "never undrains": {
      plan: (plan) => ({ ...plan, actions: plan.actions.filter(({ kind }) => kind !== "undrain") }),
    },
    "forgets to mark its drains": {
      plan: (plan) => ({
        ...plan,
        actions: plan.actions.map((action) => {
          if (!("shape" in action)) return action;
          const { drainedFor: _, ...shape } = action.shape;
          return { ...action, shape };
        }),
      }),
    },
  };
  test.each(Object.entries(faults))("%s", (_name, sabotage) => {
    const outcome = fc.check(
      fc.property(story, fc.integer({ min: 1, max: 4 }), (events, replicas) => {
        const simulation = play(events, sabotage);
        if (simulation.violations.length > 0) return false;
        simulation.heal(replicas);
        return simulation.violations.length === 0 && simulation.shortcomings().length === 0;
      }),
      { numRuns: 300, endOnFailure: true },
    );
    expect(outcome.failed).toBe(true);
  });
});
