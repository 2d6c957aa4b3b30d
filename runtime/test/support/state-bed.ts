import { MemoryObjects, MemoryStore } from "../../src/adapters/store/memory.ts";
import { registerExecutor, registerScheduler } from "../../src/core/cluster/membership/membership.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { ClusterState } from "../../src/scheduler/state/cluster-state.ts";
import { TestClock } from "./test-clock.ts";

/** Draws nothing: tests see the same every time. */
const plain = { next: () => 0.5, uuid: () => "00000000-0000-4000-8000-000000000000" };

/** A store in memory, and clients of the cluster document in it. */
export class StateBed {
  readonly clock: TestClock;
  readonly objects = new MemoryObjects();

  constructor(clock = new TestClock()) {
    this.clock = clock;
  }

  store(): ObjectStore {
    return new MemoryStore(this.objects, { location: "memory:", wallMs: () => this.clock.wallMs() });
  }

  /** The client of the scheduler `id`, whose document has it, `executors` with the instances `x-{id}`, and more. */
  async open(
    id: string,
    executors: readonly string[] = [],
    clock: Clock = this.clock,
  ): Promise<ClusterState> {
    const state = new ClusterState({
      store: this.store(),
      clock,
      random: plain,
      schedulerId: id,
      instanceId: `i-${id}`,
    });
    await state.open();
    const entry = {
      scheduler_id: id,
      instance_id: `i-${id}`,
      advertise_address: `${id}-address`,
      grpc_address: "",
      http_address: "",
      started_at_ms: 0,
      ttl_ms: 30_000,
      build_version: "0",
      labels: {},
      last_write_seq: 0,
    };
    await state.change((document) => {
      let next = registerScheduler(document, entry, undefined);
      for (const executor of executors) next = registerExecutor(next, executor, `x-${executor}`);
      return { document: next, result: undefined };
    });
    return state;
  }
}
