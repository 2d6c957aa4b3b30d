import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../runtime/src/adapters/duckdb/database.ts";
import type { Database } from "../../runtime/src/ports/database.ts";

/**
 * Touches every partition: no answer is right while one is missing, old, or there twice. All of it as text, which every
 * encoder writes alike.
 */
export const question =
  "SELECT count(*)::VARCHAR AS n, sum(id)::VARCHAR AS s, sum(b)::VARCHAR AS t, max(b)::VARCHAR AS m, min(s) AS lo FROM t";

/** One table as Parquet, one DuckDB that holds the same rows, and what it answers. */
export interface MovesData {
  readonly dir: string;
  readonly file: string;
  readonly rows: number;
  readonly one: Database;
  /** The one right answer to {@link question}, as text. */
  readonly answer: string;
  close(): Promise<void>;
}

/** Write the table; `ROWS` of it. */
export async function movesData(rows = Number(process.env["ROWS"] ?? 1_000_000)): Promise<MovesData> {
  const dir = await mkdtemp(join(tmpdir(), "bench-moves-"));
  const one = await openDatabase({ threads: 2 });
  const file = join(dir, "t.parquet");
  await one.run(
    `CREATE TABLE t AS SELECT i AS id, i * 7919 % 1000003 AS b, (i * 0.37)::DOUBLE AS d, 'c' || i % 1000 AS s FROM range(${rows}) r(i)`,
  );
  await one.run(`COPY t TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 100000)`);
  const answer = JSON.stringify(await one.rows(question));
  return {
    dir,
    file,
    rows,
    one,
    answer,
    close: async () => {
      await one.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
