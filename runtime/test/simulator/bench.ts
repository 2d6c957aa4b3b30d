import type { ClusterDocument } from "../../src/core/cluster/document/document.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { ClusterState } from "../../src/scheduler/state/cluster-state.ts";
import { SimProcess } from "./process.ts";
import { SimStore } from "./store.ts";
import { World } from "./world.ts";

/** One world with processes that share a store; `run` lets virtual time pass until the work is done. */
export class Bench {
  readonly world = new World(1);
  readonly puts: string[] = [];
  readonly store = new SimStore(this.world, ({ key }) => this.puts.push(key));
  readonly process = new SimProcess(this.world, "p");

  state(id = "s:1", instance = "i1", store: ObjectStore = this.store.client(this.process)): ClusterState {
    const { clock } = this.process;
    const { random } = this.world;
    return new ClusterState({
      store,
      clock,
      random,
      schedulerId: id,
      instanceId: instance,
      maxInlinePartitions: 5,
    });
  }

  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => {});
    for (let i = 0; i < 400 && !done; i += 1) {
      await this.world.run(
        this.world.now + 500,
        () => {},
        () => done,
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!done) throw new Error("nothing happens any more");
    return settled;
  }
}

const entry = (id: string, instance: string) => ({
  scheduler_id: id,
  instance_id: instance,
  advertise_address: id,
  grpc_address: id,
  http_address: id,
  started_at_ms: 0,
  ttl_ms: 30_000,
  build_version: "0.1.0",
  labels: {},
  last_write_seq: 0,
});

export const registering = (id: string, instance: string) => (document: ClusterDocument) => ({
  document: { ...document, schedulers: { ...document.schedulers, [id]: entry(id, instance) } },
  result: undefined,
});

export const labelled = (id: string, name: string) => (document: ClusterDocument) => {
  const own = document.schedulers[id]!;
  const labels = { ...own.labels, [name]: "yes" };
  return {
    document: { ...document, schedulers: { ...document.schedulers, [id]: { ...own, labels } } },
    result: name,
  };
};

export async function opened(
  bench: Bench,
  id = "s:1",
  instance = "i1",
  store?: ObjectStore,
): Promise<ClusterState> {
  const state = bench.state(id, instance, store);
  await bench.run(state.open());
  await bench.run(state.change(registering(id, instance)));
  return state;
}
