import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pruneByPartition } from "../../src/core/query/plan/prune-by-partition.ts";
import { checkAnswer } from "../corpus/check.ts";
import { compareAnswers, everyColumn } from "../corpus/compare.ts";
import { generateQuery } from "../corpus/generator/generate.ts";
import { awkwardSchema } from "../corpus/generator/schema.ts";
import { FaultPlanter, faults } from "./faults.ts";
import { InProcessCluster } from "./in-process-cluster.ts";
import { visits, wideQueries } from "./wide-table.ts";

/** Statements that a fault must be caught within; a tenth of them over the wide table. */
const most = 500;

describe("a cluster with a planted fault is found out", () => {
  const planter = new FaultPlanter();
  const firsts: string[] = [];
  let cluster: InProcessCluster;
  beforeAll(async () => {
    cluster = await InProcessCluster.start({
      executors: 3,
      olderVersions: true,
      // Another catalog each time: a plan that is kept would outlive its fault.
      catalog: (catalog) => ({ ...catalog }),
      exchange: (inner) => planter.exchange(inner),
      plan: planter.plan,
      prune: planter.prune(pruneByPartition),
      tables: [
        visits(5_000, ["bucket(12, visitor)"]),
        ...awkwardSchema.map(({ name, sql }) => ({ name, select: sql, partitionBy: ["region"] })),
      ],
    });
  });
  afterAll(async () => {
    console.log(`Caught by statement (of ${most}):\n${firsts.join("\n")}`);
    await cluster.close();
  });

  /** What is wrong with the answer to the statement of this number; the cluster's refusal to answer is no answer. */
  async function difference(number: number): Promise<string | undefined> {
    const wide = number % 10 === 9 ? wideQueries[Math.floor(number / 10)] : undefined;
    const query = generateQuery(number + 1);
    const answer = await cluster.query(wide ?? query.sql).catch(() => undefined);
    if (answer === undefined) return undefined;
    if (wide === undefined) return (await checkAnswer(cluster.store, query, answer))?.message;
    const truth = await cluster.truth(wide);
    const order = wide.includes("ORDER BY") ? everyColumn(truth) : [];
    return compareAnswers(truth, answer, order)?.message;
  }

  test.each(Object.entries(faults))("%s", async (name, fault) => {
    let caught: number | undefined;
    try {
      planter.fault = fault;
      for (let number = 0; number < most && caught === undefined; number++) {
        if ((await difference(number)) !== undefined) caught = number;
      }
    } finally {
      planter.fault = {};
    }
    if (caught !== undefined) firsts.push(`${name}: ${caught + 1}`);
    expect(caught).toBeDefined();
    expect(await difference(caught!)).toBeUndefined();
  });

  test("there are fifteen of them at least", () => {
    expect(Object.keys(faults).length).toBeGreaterThanOrEqual(15);
  });
});
