import type { ClusterDocument } from "../../src/core/cluster/document/document.ts";

/** What a commit made of the members, in words that {@link Coverage} counts. */
export class Happenings {
  /** Executor instances that were removed. */
  readonly #lost = new Set<string>();

  between(last: ClusterDocument, next: ClusterDocument): string[] {
    const found: string[] = [];
    for (const [id, { instance_id: instance }] of Object.entries(last.executors)) {
      const now = next.executors[id]?.instance_id;
      if (now === undefined) {
        found.push("executor lost");
        this.#lost.add(instance);
      } else if (now !== instance) found.push("executor restarted");
    }
    for (const [id, { instance_id: instance, state }] of Object.entries(next.executors)) {
      if (last.executors[id] === undefined && this.#lost.has(instance)) found.push("executor recovered");
      if (state === "draining" && owns(last, id) && !owns(next, id)) found.push("drain finished");
    }
    for (const [id, { instance_id: instance }] of Object.entries(last.schedulers)) {
      const now = next.schedulers[id]?.instance_id;
      if (now === undefined) found.push("scheduler removed");
      else if (now !== instance) found.push("scheduler taken over");
    }
    return found;
  }
}

function owns({ accelerations }: ClusterDocument, executor: string): boolean {
  return Object.values(accelerations).some(({ partitions }) => partitions.ownedCounts().has(executor));
}
