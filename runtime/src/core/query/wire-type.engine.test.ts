import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../adapters/duckdb/database.ts";
import type { Database } from "../../ports/database.ts";
import { typeValues } from "./testing/type-values.ts";
import { decodeSelect, emptyWireRelation, encodeSelect, wireCodec } from "./wire-type.ts";

/** Types of the engine that no value crosses with: refused before anything runs. */
const refused = new Set(["VARIANT", "TYPE"]);

describe("wire types keep every DuckDB type", () => {
  let database: Database;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "wire-"));
    database = await openDatabase({ threads: 1, memoryLimit: "256MB" });
  });
  afterAll(async () => {
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function trip(source: string, columns: readonly { name: string; type: string }[]): Promise<string> {
    const file = join(directory, "frame.parquet");
    await database.run(
      `COPY (${encodeSelect(source, columns)}) TO '${file}' (FORMAT parquet, COMPRESSION lz4_raw)`,
    );
    return decodeSelect(`read_parquet('${file}')`, columns);
  }

  test.each(Object.entries(typeValues))("%s", async (type, values) => {
    const rows = [...values, "NULL"].map((value, i) => `SELECT ${i} AS i, CAST(${value} AS ${type}) AS v`);
    await database.run(`CREATE OR REPLACE TABLE truth AS ${rows.join(" UNION ALL ")}`);
    const columns = [
      { name: "i", type: "INTEGER" },
      { name: "v", type },
    ];
    const back = await trip("SELECT i, v FROM truth", columns);
    const differences = await database.rows(
      `SELECT t.i, t.v::VARCHAR AS want, b.v::VARCHAR AS got, typeof(t.v) AS want_type, typeof(b.v) AS got_type
       FROM truth t FULL JOIN (${back}) b ON t.i = b.i
       WHERE t.v IS DISTINCT FROM b.v OR typeof(t.v) <> typeof(b.v) OR (t.v::VARCHAR) IS DISTINCT FROM (b.v::VARCHAR)
          OR t.i IS NULL OR b.i IS NULL`,
    );
    expect(differences).toEqual([]);
    const empty = decodeSelect(emptyWireRelation(columns), columns);
    expect(await database.describe(empty)).toEqual(await database.describe("SELECT i, v FROM truth"));
    expect(await database.rows(`SELECT count(*) AS n FROM (${empty})`)).toEqual([{ n: "0" }]);
  });

  test("every type that the engine has is in the matrix or refused", async () => {
    const rows = await database.rows("SELECT DISTINCT logical_type AS t FROM duckdb_types()");
    const covered = new Set([
      ...Object.keys(typeValues).map((type) => type.replace(/[([].*$/s, "")),
      ...refused,
      ...["ARRAY", "LIST", "NULL"],
    ]);
    expect(rows.map(({ t }) => String(t)).filter((t) => !covered.has(t))).toEqual([]);
    for (const type of refused) expect(() => wireCodec(type)).toThrow(/cannot be sent between nodes/);
  });

  test("unnamed structs, the NULL type, odd and duplicate names", async () => {
    const columns = [
      { name: "a", type: "STRUCT(INTEGER, HUGEINT)" },
      { name: "a", type: '"NULL"[]' },
      { name: 'c0"; --', type: '"NULL"' },
      { name: "", type: "VARCHAR" },
    ];
    const back = await trip("SELECT row(1, 2::HUGEINT), [NULL], NULL, 'x'", columns);
    const rows = await database.withConnection(async (connection) => {
      const stream = await connection.stream(back);
      const values = [];
      for await (const chunk of stream.chunks) values.push(...chunk.getRows());
      return { columns: stream.columns.map(({ name, type }) => ({ name, type })), values };
    });
    expect(rows.values).toHaveLength(1);
    expect(rows.columns.map((c) => c.name).slice(0, 3)).toEqual(["a", "a", 'c0"; --']);
    expect(
      await database.rows(`SELECT typeof(r) AS r, typeof(l) AS l FROM (${back}) AS t(r, l, n, x)`),
    ).toEqual([{ r: "STRUCT(INTEGER, HUGEINT)", l: '"NULL"[]' }]);
  });

  test("NaN payloads and the sign of zero keep their bits", async () => {
    await database.run(
      "CREATE OR REPLACE TABLE bits AS SELECT '-0.0'::DOUBLE AS v UNION ALL SELECT '-nan'::DOUBLE",
    );
    const back = await trip("SELECT v FROM bits", [{ name: "v", type: "DOUBLE" }]);
    const bits = "SELECT hash(v) = hash('0.0'::DOUBLE) AS same, 1 / v AS inverse, signbit(v) AS sign FROM";
    expect(await database.rows(`${bits} (${back})`)).toEqual(await database.rows(`${bits} bits`));
  });
});
