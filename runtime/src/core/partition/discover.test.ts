import { describe, expect, test } from "@jest/globals";
import { discoveredPartitions, planDiscovery, staticValues } from "./discover.ts";
import { bindPartitionBy, type PartitionColumn } from "./expression/bind.ts";
import { duckdbPartitionPredicate, sourcePartitionPredicate } from "./sql/partition-predicate.ts";

const columns: readonly PartitionColumn[] = [
  { name: "id", type: "BIGINT", nullable: false },
  { name: "small", type: "INTEGER", nullable: true },
  { name: "Region", type: "VARCHAR", nullable: true },
  { name: "ratio", type: "DOUBLE", nullable: true },
  { name: "price", type: "DECIMAL(10,2)", nullable: true },
  { name: "at", type: "TIMESTAMP WITH TIME ZONE", nullable: true },
];
const bind = (...sql: string[]) =>
  bindPartitionBy(
    sql.map((text, i) => ({ name: `expr${i}`, sql: text })),
    columns,
  );

describe("discovery", () => {
  test("buckets are known without the source, NULL included where the column may be NULL", () => {
    const [one, two] = bind("bucket(3, id)", "bucket(2, small)");
    expect(staticValues(one!)).toEqual(["0", "1", "2"]);
    expect(staticValues(two!)).toEqual(["0", "1", null]);
    expect(planDiscovery([one!, two!])).toEqual({ staticKeys: [0, 1], dynamicKeys: [] });
    expect([...discoveredPartitions([one!, two!], planDiscovery([one!, two!]), [[]])]).toHaveLength(9);
  });

  test("the values found for the dynamic keys, and their product with the static ones in order", () => {
    const keys = bind("region", "bucket(2, id)", "date_part('year', at)");
    const plan = planDiscovery(keys);
    expect(plan).toEqual({ staticKeys: [1], dynamicKeys: [0, 2] });
    const found = [
      ["eu", "2026"],
      [null, "2025"],
    ];
    expect([...discoveredPartitions(keys, plan, found)]).toEqual([
      ["eu", "0", "2026"],
      ["eu", "1", "2026"],
      [null, "0", "2025"],
      [null, "1", "2025"],
    ]);
  });
});

describe("the condition of one partition", () => {
  test("values, NULL, several keys", () => {
    const keys = bind("region", "bucket(2, id)", "date_trunc('day', at)", "id % 5");
    expect(duckdbPartitionPredicate(keys, ["it's", "1", "2026-01-31T00:00:00Z", "-3"])).toBe(
      `("Region" = 'it''s') AND (bucket(2, "id") = 1) AND (date_trunc('day', "at") = '2026-01-31T00:00:00Z'::TIMESTAMP WITH TIME ZONE) AND ("id" % 5 = (-3))`,
    );
    expect(duckdbPartitionPredicate(keys.slice(0, 1), [null])).toBe(`("Region" IS NULL)`);
    expect(duckdbPartitionPredicate([], [])).toBe("TRUE");
    expect(() => duckdbPartitionPredicate(keys, ["a", "x; drop", null, null])).toThrow(RangeError);
  });

  test("a source is only given what it evaluates alike", () => {
    expect(sourcePartitionPredicate(bind("region", "id % 5"), ["eu", null])).toBe(
      `("Region" = 'eu'::text) AND (("id" % (5)) IS NULL)`,
    );
    expect(sourcePartitionPredicate(bind("bucket(3, id)"), ["1"])).toBeUndefined();
    expect(sourcePartitionPredicate(bind("lower(region)"), ["eu"])).toBeUndefined();
    expect(sourcePartitionPredicate(bind("date_part('century', at)"), ["20"])).toBeUndefined();
  });
});
