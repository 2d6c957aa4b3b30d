import { quoteIdentifier } from "../../core/sql/quote.ts";
import type { Segment, TableVersion } from "../../ports/accelerator.ts";
import type { Database } from "../../ports/database.ts";
import { attachMemory } from "./attach-memory.ts";
import { caseSafe, type SegmentOptions, type SegmentSpace, type SpaceGroup } from "./segment-space.ts";

/** The attached in-memory database that holds the segments of all engines in memory mode. */
export const memoryCatalog = "spice_memory";

let schemas = 0;

/**
 * The memory tables of one opening of an engine: a schema that no other opening of this process has had or will have,
 * so that what an earlier one left is never in the way, and that goes as a whole.
 */
export class MemorySchema implements SpaceGroup {
  readonly database: Database;
  /** The schema's name with its catalogue, as SQL. */
  readonly name = `${memoryCatalog}.opening_${++schemas}`;
  #made: Promise<void> | undefined;

  constructor(database: Database) {
    this.database = database;
  }

  /** Make the schema once; tried again after a failure. */
  prepare(): Promise<void> {
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async save(): Promise<void> {}

  /** Drop all tables; nobody may read them any more. Safe to call twice. */
  async close(): Promise<void> {
    const made = this.#made;
    if (made === undefined) return;
    // Its caller was told of a failure, and has left nothing to drop.
    await made.catch(() => undefined);
    await this.database.run(`DROP SCHEMA IF EXISTS ${this.name} CASCADE`);
    this.#made = undefined;
  }

  async #make(): Promise<void> {
    await attachMemory(this.database, memoryCatalog);
    await this.database.run(`CREATE SCHEMA IF NOT EXISTS ${this.name}`);
  }
}

/** Segments as tables of the serving database's memory; they spill to its temporary directory. */
export class MemorySpace implements SegmentSpace {
  readonly database: Database;
  readonly group: SpaceGroup;
  readonly #schema: MemorySchema;
  readonly #name: string;

  constructor(schema: MemorySchema, options: SegmentOptions) {
    this.database = schema.database;
    this.group = schema;
    this.#schema = schema;
    this.#name = caseSafe(`${options.dataset.name}/${options.dataset.unitPath(options.values)}`);
  }

  prepare(): Promise<void> {
    return this.#schema.prepare();
  }

  async abandon(): Promise<void> {}

  relation(segment: Pick<Segment, "id">): string {
    return `${this.#schema.name}.${quoteIdentifier(`${this.#name}#${segment.id}`)}`;
  }

  async save(): Promise<void> {}

  committed(): void {}

  async recover(): Promise<undefined> {}

  async remove(version: TableVersion): Promise<void> {
    for (const segment of version.segments) {
      await this.database.run(`DROP TABLE IF EXISTS ${this.relation(segment)}`);
    }
  }
}
