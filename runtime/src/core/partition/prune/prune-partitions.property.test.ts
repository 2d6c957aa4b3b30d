import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { parseColumnType } from "../column-type.ts";
import { evaluateTexts, PartitionEvaluationError } from "../compute/evaluate.ts";
import { bindPartitionBy } from "../expression/bind.ts";
import { partitionKey } from "../partition-key.ts";
import { keysAndFilter, schema, valueOfColumn } from "../testing/arbitrary-filters.ts";
import { mayBeTrue } from "../testing/brute-force.ts";
import type { Value } from "../value.ts";
import { prunePartitions } from "./prune-partitions.ts";

const columns = schema.map((column) => ({ ...column, nullable: true }));
const row = fc
  .tuple(...schema.map((column) => valueOfColumn(column)))
  .map((values) => new Map<string, Value>(schema.map((column, i) => [column.name, values[i]!])));

test("a partition with a matching row is never left out", () => {
  let pruned = 0;
  let matched = 0;
  fc.assert(
    fc.property(keysAndFilter, fc.array(row, { minLength: 30, maxLength: 30 }), ({ keys, filter }, rows) => {
      const bound = bindPartitionBy(
        keys.map((sql, i) => ({ name: `expr${i}`, sql })),
        columns,
      );
      const placed = rows.flatMap((one) => {
        try {
          const values = bound.map((key) => {
            const type = parseColumnType(columns.find((column) => column.name === key.column.name)!.type);
            expect(type).toEqual(key.column.type);
            return evaluateTexts(key, { length: 1, values: [one.get(key.column.name)!] })[0]!;
          });
          return [{ row: one, values }];
        } catch (error) {
          // A row for which the engine fails is in no partition.
          if (error instanceof PartitionEvaluationError) return [];
          throw error;
        }
      });
      const partitions = [
        ...new Map(placed.map(({ values }) => [partitionKey(values), { values }])).values(),
      ];
      const result = prunePartitions(bound, partitions, filter);
      const kept = new Set(result.kept.map((i) => partitionKey(partitions[i]!.values)));
      pruned += partitions.length - kept.size;
      for (const { row: one, values } of placed) {
        if (!mayBeTrue(filter, one)) continue;
        matched += 1;
        if (!kept.has(partitionKey(values))) {
          throw new Error(`lost a row of partition ${partitionKey(values)} (${result.reason})`);
        }
      }
    }),
    { numRuns: Number(process.env["PRUNE_RUNS"] ?? 400) },
  );
  // The test would mean nothing if nothing were pruned, or no row matched.
  expect(pruned).toBeGreaterThan(500);
  expect(matched).toBeGreaterThan(500);
});
