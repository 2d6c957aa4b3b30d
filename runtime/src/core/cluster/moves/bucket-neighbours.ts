import { colocationKey } from "../assignment/assign.ts";
import type { MoveDraft } from "./move-draft.ts";

/** One table of a group: who has each partition, and where its like is in the others. */
interface Member {
  readonly table: string;
  /** By partition: the executor, as a place in `#executors`; −1 for none. */
  readonly holders: Int32Array;
  /** By partition: its index in each other member, or −1. */
  readonly likes: ReadonlyMap<Member, Int32Array>;
}

/**
 * Where equal buckets of tables with the same number of buckets are, or are about to be (spec chapter 04, Assign): a move
 * that is as good as another one for the balance should bring them together and not part them.
 */
export class BucketNeighbours {
  readonly #executors = new Map<string, number>();
  readonly #members = new Map<string, Member>();

  constructor(draft: MoveDraft) {
    const groups = new Map<string, string[]>();
    for (const table of draft.tables) {
      const key = colocationKey(draft.expressions(table));
      if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), table]);
    }
    for (const tables of groups.values()) if (tables.length > 1) this.#group(draft, tables);
  }

  /** How many tables have the like of this partition at `executor`. */
  at(table: string, index: number, executor: string): number {
    const code = this.#executors.get(executor);
    let count = 0;
    for (const [other, likes] of this.#members.get(table)?.likes ?? []) {
      const like = likes[index] ?? -1;
      if (like >= 0 && other.holders[like] === code) count += 1;
    }
    return count;
  }

  /** The partition is about to be at `executor`. */
  moved(table: string, index: number, executor: string): void {
    const member = this.#members.get(table);
    if (member !== undefined) member.holders[index] = this.#code(executor);
  }

  #group(draft: MoveDraft, tables: readonly string[]): void {
    const members = tables.map((table) => {
      const set = draft.set(table);
      const holders = Int32Array.from({ length: set.count }, (_, index) => {
        const holder = set.learners(index)[0] ?? set.owner(index);
        return holder === undefined ? -1 : this.#code(holder);
      });
      return { table, holders, likes: new Map<Member, Int32Array>() };
    });
    for (const member of members) {
      const { values } = draft.set(member.table);
      for (const other of members) {
        if (other !== member) member.likes.set(other, draft.set(other.table).values.locate(values));
      }
      this.#members.set(member.table, member);
    }
  }

  #code(executor: string): number {
    const known = this.#executors.get(executor);
    if (known !== undefined) return known;
    this.#executors.set(executor, this.#executors.size);
    return this.#executors.size - 1;
  }
}
