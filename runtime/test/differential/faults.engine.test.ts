import { describe, expect, test } from "@jest/globals";
import type { Exchange, FragmentRequest } from "../../src/ports/exchange.ts";
import { difference, isOrdered } from "./compare.ts";
import { InProcessCluster } from "./in-process-cluster.ts";
import { visits, wideQueries } from "./wide-table.ts";

type Fault = (request: FragmentRequest, executor: string) => FragmentRequest;

const partitions =
  (
    change: (
      list: FragmentRequest["scans"][number]["partitions"],
    ) => FragmentRequest["scans"][number]["partitions"],
  ): Fault =>
  (request) => ({
    ...request,
    scans: request.scans.map((scan) => ({ ...scan, partitions: change(scan.partitions) })),
  });

const sql =
  (change: (text: string) => string): Fault =>
  (request) => ({ ...request, sql: change(request.sql) });

/** Mistakes that a cluster could make; each must show in some answer. */
const faults: Readonly<Record<string, Fault>> = {
  "a partition is left out": partitions((list) => list.slice(1)),
  "a partition is read twice": partitions((list) => [...list, ...list.slice(0, 1)]),
  "an executor answers for nobody": (request, executor) =>
    executor === "e1" ? partitions(() => [])(request, executor) : request,
  "filters are forgotten": sql((text) => text.replace(/ WHERE .*? (GROUP|ORDER) BY/, " $1 BY")),
  "the average of averages": sql((text) =>
    text.replaceAll('"sum"("width")', 'CAST("avg"("width") AS HUGEINT)'),
  ),
  "distinct values are lost": sql((text) =>
    text.replaceAll('"visitor" AS "d0"', '("visitor" >> 57) AS "d0"'),
  ),
  "a limit is cut too early": sql((text) => text.replaceAll(/LIMIT \(10\)/g, "LIMIT (1)")),
  "the order is turned": sql((text) => text.replaceAll(/ORDER BY "seen_at"/g, 'ORDER BY "seen_at" DESC')),
  "min is max": sql((text) => text.replaceAll('"min"(', '"max"(')),
  "groups without a value are skipped": sql((text) =>
    text.replace(" GROUP BY", " WHERE phrase <> '' GROUP BY"),
  ),
};

describe("a cluster with a planted fault is found out", () => {
  test.each(Object.entries(faults))("%s", async (_name, fault) => {
    const plant = (inner: Exchange): Exchange => ({
      run: (executor, request, signal) => inner.run(executor, fault(request, executor), signal),
    });
    const cluster = await InProcessCluster.start({
      executors: 3,
      exchange: plant,
      tables: [visits(5_000, ["bucket(12, visitor)"])],
    });
    try {
      let caught = false;
      for (const query of wideQueries) {
        const answer = await cluster.query(query).catch(() => undefined);
        if (answer === undefined) continue;
        caught = difference(await cluster.truth(query), answer, isOrdered(query)) !== undefined;
        if (caught) break;
      }
      expect(caught).toBe(true);
    } finally {
      await cluster.close();
    }
  });
});
