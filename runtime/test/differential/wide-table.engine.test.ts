import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compareAnswers, everyColumn } from "../corpus/compare.ts";
import { InProcessCluster } from "./in-process-cluster.ts";
import { visits, wideQueries } from "./wide-table.ts";

const gathering = new Set<string>();

describe.each([
  [["bucket(12, visitor)"], 3, false],
  [["site % 5", "phone_kind"], 5, true],
] as const)(
  "forty-three shapes on a wide table by %j over %i executors",
  (partitionBy, executors, ungrouped) => {
    let cluster: InProcessCluster;
    beforeAll(async () => {
      cluster = await InProcessCluster.start({ executors, ungrouped, tables: [visits(30_000, partitionBy)] });
    });
    afterAll(() => cluster.close());

    test.each(wideQueries.map((sql, i) => [i + 1, sql] as const))("%i", async (number, sql) => {
      const answer = await cluster.query(sql);
      const truth = await cluster.truth(sql);
      const order = sql.includes("ORDER BY") ? everyColumn(truth) : [];
      expect(compareAnswers(truth, answer, order)).toBeUndefined();
      if (answer.stats.strategy.includes("gather")) gathering.add(`${executors}/${number}`);
    });

    test("at most three of them gather", () => {
      expect([...gathering].filter((key) => key.startsWith(`${executors}/`)).length).toBeLessThanOrEqual(3);
    });
  },
);
