import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database, SqlColumn } from "../../ports/database.ts";
import { openDatabase } from "../duckdb/database.ts";
import { createSegment } from "./segment-sql.ts";

describe("createSegment", () => {
  let directory: string;
  let database: Database;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "segment-"));
    database = await openDatabase({ path: join(directory, "d.db"), threads: 1 });
  });
  afterAll(async () => {
    await database.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function make(name: string, select: string): Promise<readonly SqlColumn[]> {
    const columns = await database.describe(select);
    for (const sql of createSegment(name, select, columns, "")) await database.run(sql);
    await database.run("CHECKPOINT");
    return columns;
  }

  test("leaves 128-bit integers as they are, and compresses the others", async () => {
    const select = `SELECT hash(i) % 1000 AS n, ((hash(i) % 1000) / 10)::DECIMAL(21, 1) AS "a ""wide"" one",
      (hash(i) % 1000)::HUGEINT AS h, (hash(i) % 1000)::UHUGEINT AS u, ((hash(i) % 1000) / 10)::DECIMAL(18, 1) AS narrow,
      {'x': i, 'y y': 'text'} AS item, (['p', 'q'])[i % 2 + 1]::ENUM('p', 'q') AS e FROM range(20000) AS r(i)`;
    expect(await make("wide", select)).toEqual(await database.describe("SELECT * FROM wide"));
    const differing = await database.rows(
      `SELECT count(*) AS n FROM ((${select}) EXCEPT ALL (SELECT * FROM wide))`,
    );
    expect(differing).toEqual([{ n: "0" }]);
    const stored = await database.rows(
      `SELECT column_name AS name, string_agg(DISTINCT compression) AS how FROM pragma_storage_info('wide')
       WHERE segment_type NOT IN ('VALIDITY', 'STRUCT') AND column_name NOT IN ('item', 'e') GROUP BY ALL ORDER BY ALL`,
    );
    expect(stored).toEqual([
      { name: 'a "wide" one', how: "Uncompressed" },
      { name: "h", how: "Uncompressed" },
      { name: "n", how: "BitPacking" },
      { name: "narrow", how: "BitPacking" },
      { name: "u", how: "Uncompressed" },
    ]);
  });

  test("takes the engine's own way for columns that have no such integers, or types that only it can write", async () => {
    await make("plain", "SELECT i, 1.5::DECIMAL(18, 1) AS d FROM range(3) AS r(i)");
    const shapes = await make("shapes", "SELECT 1::HUGEINT AS h, 'POINT (1 2)'::GEOMETRY AS g");
    expect(shapes).toEqual(await database.describe("SELECT * FROM shapes"));
    expect(createSegment("t", "SELECT 1 AS a", [{ name: "a", type: "BIGINT" }], "a DESC")).toEqual([
      "CREATE TABLE t AS SELECT * FROM (SELECT 1 AS a) ORDER BY a DESC",
    ]);
  });
});
