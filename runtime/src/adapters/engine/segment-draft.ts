import { quoteIdentifier } from "../../core/sql/quote.ts";
import type { Measure, Segment, TableVersion } from "../../ports/accelerator.ts";
import type { Connection, SqlColumn } from "../../ports/database.ts";
import { caseSafe, type SegmentOptions, type SegmentSpace } from "./segment-space.ts";
import { createSegment, measureSegment } from "./segment-sql.ts";

/** The segments that one transaction writes. */
export class Draft {
  declare readonly next: Pick<TableVersion, "watermark" | "position" | "columns" | "segments">;
  readonly connection: Connection;
  readonly written: Segment[] = [];
  /** Aggregate of the watermark over the first segment, which has the rows that came in. */
  watermarkSql: string | undefined;
  newest: string | null = null;
  readonly #space: SegmentSpace;
  readonly #options: SegmentOptions;
  readonly #version: number;
  readonly #signal: AbortSignal | undefined;

  constructor(
    connection: Connection,
    space: SegmentSpace,
    options: SegmentOptions,
    version: number,
    signal: AbortSignal | undefined,
  ) {
    this.connection = connection;
    this.#space = space;
    this.#options = options;
    this.#version = version;
    this.#signal = signal;
  }

  relation(segment: Segment): string {
    return this.#space.relation(segment);
  }

  run(sql: string): Promise<number> {
    return this.connection.run(sql, this.#signal === undefined ? {} : { signal: this.#signal });
  }

  rows(sql: string) {
    return this.connection.rows(sql, this.#signal === undefined ? {} : { signal: this.#signal });
  }

  /** @param measure of exactly the rows of `select`, when it is known already */
  async write(select: string, columns: readonly SqlColumn[], measure?: Measure): Promise<Segment> {
    const id = `s${this.#version}_${this.written.length}`;
    const relation = this.#space.relation({ id });
    for (const sql of createSegment(relation, select, columns, this.#options.sort)) await this.run(sql);
    const { dataset, values, indexes } = this.#options;
    for (const [i, index] of indexes.entries()) {
      // A schema has an index of one name once, whatever table it is of: partitions share theirs.
      const name = caseSafe(`${dataset.name}/${dataset.unitPath(values)}#${id}/${i}`);
      await this.run(
        `CREATE INDEX ${quoteIdentifier(name)} ON ${relation} (${index.map(quoteIdentifier).join(", ")})`,
      );
    }
    const segment =
      measure === undefined
        ? await measureSegment(this.connection, id, relation, columns)
        : { id, columns, ...measure };
    if (this.watermarkSql !== undefined && this.written.length === 0 && segment.rows > 0) {
      const row = (await this.rows(`SELECT ${this.watermarkSql} AS newest FROM ${relation}`))[0];
      if (typeof row?.["newest"] === "string") this.newest = row["newest"];
    }
    this.written.push(segment);
    return segment;
  }
}
