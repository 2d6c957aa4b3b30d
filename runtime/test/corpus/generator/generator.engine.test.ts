import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../../src/ports/database.ts";
import { answerOf } from "../answer.ts";
import { checkAnswer } from "../check.ts";
import { awkwardPartitionings } from "../partitionings.ts";
import { openTruth } from "../truth.ts";
import { checkWitness } from "../validity.ts";
import { generateQuery, queryOf } from "./generate.ts";
import { minimise } from "./minimise.ts";
import { awkwardSchema } from "./schema.ts";
import { createAwkwardTables } from "./tables.ts";
import { coverage, wantedTags } from "./tags.ts";

const count = 2000;
const firstSeed = Number(process.env["SEED"] ?? 1);

let truth: Database;
/** The same rows in another order, on two threads: whatever SQL leaves open comes out differently. */
let shuffled: Database;

beforeAll(async () => {
  truth = await openTruth(1);
  shuffled = await openTruth(2);
  await createAwkwardTables(truth);
  await createAwkwardTables(shuffled, { order: "hash(id + 77)" });
});
afterAll(async () => {
  await truth.close();
  await shuffled.close();
});

describe("the random statements", () => {
  test(`${count} run, most return rows, and their checks excuse what SQL leaves open`, async () => {
    console.log(`seeds ${firstSeed} to ${firstSeed + count - 1}; SEED=… draws others`);
    let withRows = 0;
    let excused = 0;
    const queries = [];
    const wrong: string[] = [];
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const query = generateQuery(seed);
      queries.push(query);
      const answer = await answerOf(shuffled, query.sql);
      if (answer.rows.length > 0) withRows += 1;
      const difference = await checkAnswer(truth, query, answer);
      if (difference !== undefined) wrong.push(`${query.name}: ${difference.message}\n${query.sql}`);
      const { witness, order } = query.comparison;
      if (witness !== undefined) {
        // Also when the answers happen to agree: the witness must allow the engine's own.
        excused += 1;
        const [own, allowed] = [await answerOf(truth, query.sql), await answerOf(truth, witness.sql)];
        const not = checkWitness(own, allowed, own, witness.rules, order);
        if (not !== undefined) wrong.push(`${query.name}: ${not.message}\n${query.sql}`);
      }
    }
    const counts = coverage(queries);
    console.log(
      `${withRows} of ${count} return rows, ${excused} have loose columns; ` +
        counts.map(([tag, n]) => `${tag} ${n}`).join(", "),
    );
    expect(wrong).toEqual([]);
    expect(withRows).toBeGreaterThanOrEqual(count * 0.6);
    expect(counts.filter(([tag, n]) => n < 20 && wantedTags.includes(tag))).toEqual([]);
  });

  test.each<[string, string]>([
    ["a row is dropped", "DELETE FROM facts WHERE id = 17"],
    ["a row is doubled", "INSERT INTO events SELECT * FROM events WHERE id = 200"],
    ["the NULL partition is skipped", "DELETE FROM facts WHERE region IS NULL"],
  ])("find within 500 statements that %s, and shrink to one that still does", async (_, fault) => {
    const faulty = await openTruth(1);
    try {
      await createAwkwardTables(faulty);
      await faulty.run(fault);
      const fails = async (query: ReturnType<typeof queryOf>) =>
        (await checkAnswer(truth, query, await answerOf(faulty, query.sql))) !== undefined;
      const found = [];
      for (let seed = 1; seed <= 500 && found.length < 5; seed++) {
        const query = generateQuery(seed);
        if (await fails(query)) found.push(query);
      }
      expect(found).toHaveLength(5);
      for (const query of found) {
        const small = queryOf(
          await minimise(query.tree, async (tree) => {
            try {
              return await fails(queryOf(tree));
            } catch (error) {
              // The engine refuses this candidate; anything else is a fault of the test.
              if ((error as { name?: unknown }).name !== "SqlError") throw error;
              return false;
            }
          }),
        );
        expect(await fails(small)).toBe(true);
        expect(small.sql.length).toBeLessThanOrEqual(query.sql.length);
        expect(small.sql.length).toBeLessThan(400);
      }
    } finally {
      await faulty.close();
    }
  });

  test("have one answer, also where a join's filter could go below a LIMIT", async () => {
    // With that optimizer most runs of this statement give twice the rows.
    const sql = `SELECT q.id, f.d, count(*) AS n FROM facts AS f CROSS JOIN
      (SELECT id, k, region, name FROM dims ORDER BY id DESC, k, region, name LIMIT 2) AS q
      WHERE q.region >= (SELECT min(region) FROM events) GROUP BY ALL`;
    for (let run = 0; run < 30; run++) expect((await answerOf(shuffled, sql)).rows).toHaveLength(205);
  });

  test("are over tables whose partition expressions give several partitions, NULL among them", async () => {
    let nulls = 0;
    for (const { partitionBy } of awkwardPartitionings) {
      expect(Object.keys(partitionBy).sort()).toEqual(awkwardSchema.map((t) => t.name).sort());
      for (const [table, list] of Object.entries(partitionBy).filter(([name]) => name !== "nothing")) {
        for (const text of list) {
          // DuckDB has neither function under that name; any function of the column serves here.
          const expression = text
            .replace(/^bucket\((\d+), (\w+)\)$/, "hash($2) % $1 + CASE WHEN $2 IS NULL THEN NULL ELSE 0 END")
            .replace(/^truncate\((\d+), (\w+)\)$/, "left($2::VARCHAR, $1)");
          const [row] = await truth.rows(
            `SELECT count(DISTINCT p) AS n, bool_or(p IS NULL) AS has_null FROM (SELECT ${expression} AS p FROM ${table})`,
          );
          expect(Number(row!["n"])).toBeGreaterThan(1);
          if (row!["has_null"] === true) nulls += 1;
        }
      }
    }
    expect(nulls).toBeGreaterThan(10);
  });
});
