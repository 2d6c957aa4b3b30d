import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pruneByPartition } from "../../src/core/query/plan/prune-by-partition.ts";
import type { Database } from "../../src/ports/database.ts";
import { checkAnswer } from "../corpus/check.ts";
import { generateQuery } from "../corpus/generator/generate.ts";
import { awkwardSchema } from "../corpus/generator/schema.ts";
import { createAwkwardTables } from "../corpus/generator/tables.ts";
import { awkwardPartitionings } from "../corpus/partitionings.ts";
import { openTruth } from "../corpus/truth.ts";
import { InProcessCluster } from "./in-process-cluster.ts";

/** First seed of a run, and how many statements each partitioning gets; SEED=… and QUERIES=… draw others. */
const firstSeed = Number(process.env["SEED"] ?? 1);
const each = Number(process.env["QUERIES"] ?? (process.env["FULL"] === "1" ? 2000 : 100));

/** The strategies that a cluster is there for; of the others a statement draws few. */
const wantedStrategies = ["whole-query", "split-aggregation", "top-k", "gather"];
/** Of the partitionings in turn; a single executor answers every statement whole. */
const executorsOf = [5, 3, 5, 1, 3];

describe("random statements over a cluster in this process", () => {
  let dir: string;
  let truth: Database;
  let statements = 0;
  let withRows = 0;
  /** Statements in whose plan each strategy takes part. */
  const strategies = new Map(wantedStrategies.map((name) => [name, 0]));

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "random-"));
    truth = await openTruth();
    await createAwkwardTables(truth);
    for (const { name } of awkwardSchema) {
      await truth.run(`COPY ${name} TO '${join(dir, `${name}.parquet`)}' (FORMAT parquet)`);
    }
  });
  afterAll(async () => {
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  test.each(awkwardPartitionings.map((p, i) => ({ ...p, i })))(
    "partitioned $name",
    async ({ partitionBy, i }) => {
      const cluster = await InProcessCluster.start({
        executors: executorsOf[i % executorsOf.length]!,
        prune: pruneByPartition,
        ungrouped: i % 4 === 3,
        tables: awkwardSchema.map(({ name }) => ({
          name,
          select: `SELECT * FROM '${join(dir, `${name}.parquet`)}'`,
          partitionBy: partitionBy[name] ?? [],
        })),
      });
      const problems: string[] = [];
      try {
        for (let seed = firstSeed + i * each; seed < firstSeed + (i + 1) * each; seed++) {
          const query = generateQuery(seed);
          try {
            const answer = await cluster.query(query.sql);
            statements += 1;
            if (answer.rows.length > 0) withRows += 1;
            for (const name of answer.stats.strategy.split("+"))
              strategies.set(name, (strategies.get(name) ?? 0) + 1);
            const difference = await checkAnswer(truth, query, answer);
            if (difference !== undefined) {
              problems.push(`SEED=${seed} [${answer.stats.strategy}] ${difference.message}\n${query.sql}`);
            }
          } catch (error) {
            problems.push(`SEED=${seed} ${String((error as Error).message)}\n${query.sql}`);
          }
        }
      } finally {
        await cluster.close();
      }
      expect(problems.slice(0, 5)).toEqual([]);
    },
  );

  test("most statements return rows, and each strategy answers a tenth of them", () => {
    console.log(
      `seeds from ${firstSeed}, ${each} for each partitioning; ${withRows} of ${statements} return rows; ` +
        [...strategies].map(([name, count]) => `${name} ${count}`).join(", "),
    );
    // A few statements draw no fair sample.
    if (statements < 500) return;
    expect(withRows).toBeGreaterThanOrEqual(statements * 0.6);
    const rare = wantedStrategies.filter((name) => strategies.get(name)! < statements * 0.1);
    expect(rare).toEqual([]);
  });
});
