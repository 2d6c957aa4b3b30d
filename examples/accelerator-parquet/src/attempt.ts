import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type AcceleratedDataset,
  type Connection,
  measureSegment,
  quoteLiteral,
  type Segment,
  type SqlColumn,
} from "@spice-shards/runtime/accelerator";
import { sync } from "./durable.ts";
import { fileOptions } from "./file-options.ts";
import { fileName } from "./storage.ts";

/** The relation of a segment's file: the only name that the serving database knows it by. */
export function relationOf(directory: string, segment: Pick<Segment, "id">): string {
  // The directories of partitions look like Hive's, but the columns that their names mean are in the files.
  return `read_parquet(${quoteLiteral(join(directory, fileName(segment)))}, hive_partitioning = false)`;
}

/** The files that one write makes. They count from the moment at which a manifest names them. */
export class Attempt {
  readonly connection: Connection;
  readonly #directory: string;
  readonly #options: string;
  readonly #version: number;
  readonly #signal: AbortSignal | undefined;
  readonly #files: string[] = [];

  constructor(
    connection: Connection,
    place: { readonly directory: string; readonly dataset: AcceleratedDataset },
    version: number,
    signal: AbortSignal | undefined,
  ) {
    this.connection = connection;
    this.#directory = place.directory;
    this.#options = fileOptions(place.dataset);
    this.#version = version;
    this.#signal = signal;
  }

  rows(sql: string) {
    return this.connection.rows(sql, this.#signal === undefined ? {} : { signal: this.#signal });
  }

  /** Write the rows of a SELECT, whose columns are `columns`, as a segment; its bytes are durable then. */
  async write(select: string, columns: readonly SqlColumn[]): Promise<Segment> {
    // Never a name that was there before: the database may remember what it read under it.
    const id = `v${this.#version}-${randomUUID()}`;
    const file = join(this.#directory, fileName({ id }));
    this.#files.push(file);
    await this.connection.run(
      `COPY (${select}) TO ${quoteLiteral(file)} (${this.#options})`,
      this.#signal === undefined ? {} : { signal: this.#signal },
    );
    await sync(file);
    return measureSegment(this.connection, id, relationOf(this.#directory, { id }), columns);
  }

  /** Remove the files that `kept` does not name; all of them after a failure. */
  async clean(kept: readonly Segment[] = []): Promise<void> {
    const names = new Set(kept.map((segment) => join(this.#directory, fileName(segment))));
    for (const file of this.#files) if (!names.has(file)) await rm(file, { force: true });
  }
}
