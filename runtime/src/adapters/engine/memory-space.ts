import { quoteIdentifier } from "../../core/sql/quote.ts";
import type { Segment, TableVersion } from "../../ports/accelerator.ts";
import type { Database } from "../../ports/database.ts";
import { caseSafe, type SegmentOptions, type SegmentSpace } from "./segment-space.ts";

/** The attached in-memory database that holds the segments of all engines in memory mode. */
export const memoryCatalog = "spice_memory";

const attached = new WeakMap<Database, Promise<unknown>>();

/** Segments as tables of the serving database's memory; they spill to its temporary directory. */
export class MemorySpace implements SegmentSpace {
  readonly database: Database;
  readonly #name: string;

  constructor(database: Database, options: SegmentOptions) {
    this.database = database;
    this.#name = caseSafe(`${options.dataset.name}/${options.dataset.unitPath(options.values)}`);
  }

  async prepare(): Promise<void> {
    let ready = attached.get(this.database);
    if (ready === undefined) {
      ready = this.database.run(`ATTACH IF NOT EXISTS ':memory:' AS ${memoryCatalog}`);
      attached.set(this.database, ready);
    }
    await ready;
  }

  async abandon(): Promise<void> {}

  relation(segment: Pick<Segment, "id">): string {
    return `${memoryCatalog}.main.${quoteIdentifier(`${this.#name}#${segment.id}`)}`;
  }

  async save(): Promise<void> {}

  committed(): void {}

  async remove(version: TableVersion): Promise<void> {
    for (const segment of version.segments) {
      await this.database.run(`DROP TABLE IF EXISTS ${this.relation(segment)}`);
    }
  }
}
