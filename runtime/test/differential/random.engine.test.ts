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

describe("random statements over a cluster in this process", () => {
  let dir: string;
  let truth: Database;

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
        executors: [1, 3, 5][i % 3]!,
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
});
