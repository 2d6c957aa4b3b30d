import type { DistributedPlan, FinalStep } from "../../src/core/query/plan/distributed-plan.ts";
import type { Prune } from "../../src/core/query/plan/prune.ts";
import type { Exchange, FragmentRequest, FragmentScan } from "../../src/ports/exchange.ts";
import { olderVersion } from "./in-process-cluster.ts";

/** A mistake that a cluster could make, planted where it would be made. */
export interface Fault {
  /** In the plan: what executors and scheduler are told to run. */
  readonly plan?: (plan: DistributedPlan) => DistributedPlan;
  /** In what an executor reads and runs. */
  readonly request?: (request: FragmentRequest, executor: string) => FragmentRequest;
  /** In the frames that come back. */
  readonly frames?: (frames: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  /** In which partitions are left out by the statement's filters. */
  readonly pruned?: (kept: readonly number[], all: number) => readonly number[];
}

type Partitions = FragmentScan["partitions"];

function partitions(change: (list: Partitions, executor: string) => Partitions): Fault {
  return {
    request: (request, executor) => ({
      ...request,
      scans: request.scans.map((scan) => ({ ...scan, partitions: change(scan.partitions, executor) })),
    }),
  };
}

function fragmentSql(change: (sql: string) => string): Fault {
  return {
    plan: (plan) => ({
      ...plan,
      fragments: plan.fragments.map((fragment) => ({ ...fragment, sql: change(fragment.sql) })),
    }),
  };
}

function finalSql(change: (sql: string) => string): Fault {
  const changed = (final: FinalStep): FinalStep =>
    final.kind === "statement" ? { ...final, sql: change(final.sql) } : final;
  return { plan: (plan) => ({ ...plan, final: changed(plan.final) }) };
}

async function* twice(frames: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const frame of frames) {
    yield frame;
    yield frame;
  }
}

/** OFFSET leaves the final statement, and every executor skips that many of its own rows. */
function offsetPerExecutor(plan: DistributedPlan): DistributedPlan {
  if (plan.final.kind !== "statement") return plan;
  const offset = / OFFSET \(\d+\)$/.exec(plan.final.sql)?.[0];
  if (offset === undefined) return plan;
  const sql = plan.final.sql.slice(0, -offset.length);
  return {
    ...plan,
    final: { ...plan.final, sql },
    fragments: plan.fragments.map((f) => ({ ...f, sql: f.sql.replace(/ LIMIT \(\d+\)$/, `$&${offset}`) })),
  };
}

/** The numbered state of an aggregate in the final statement. */
const state = String.raw`"r"\."s\d+"`;
const quotient = new RegExp(
  String.raw`CAST\("sum"\((${state})\) AS DOUBLE\) / CAST\("sum"\((${state})\) AS DOUBLE\)`,
  "g",
);

/** Twenty mistakes by name; each must show in some answer (spec chapter 11). */
export const faults: Readonly<Record<string, Fault>> = {
  "a partition is left out": partitions((list) => list.slice(1)),
  "a partition is read twice": partitions((list) => [...list, ...list.slice(0, 1)]),
  "the NULL partition is skipped": partitions((list) => list.filter(({ key }) => key !== "[null]")),
  "an executor answers for nobody": partitions((list, executor) => (executor === "e1" ? [] : list)),
  "one executor reads stale versions": partitions((list, executor) =>
    executor === "e2" ? list.map((p) => ({ ...p, version: olderVersion(p.version) })) : list,
  ),
  "pruning leaves out a partition that can match": {
    pruned: (kept, all) => (kept.length < all ? kept.slice(1) : kept),
  },
  "the rows of an executor come twice, as after a retry": { frames: twice },
  "filters are forgotten": fragmentSql((sql) => sql.replace(/ WHERE .*? (GROUP|ORDER) BY/, " $1 BY")),
  "the average of averages": finalSql((sql) => sql.replaceAll(quotient, '"avg"(CAST($1 AS DOUBLE) / $2)')),
  "a count of counts": finalSql((sql) =>
    sql.replaceAll(new RegExp(String.raw`COALESCE\("sum"\((${state})\)`, "g"), 'COALESCE("count"($1)'),
  ),
  "distinct values are counted per executor": finalSql((sql) =>
    sql.replaceAll('"count"(DISTINCT ', '"count"('),
  ),
  "duplicates of two executors stay": finalSql((sql) => sql.replace(/^SELECT DISTINCT /, "SELECT ")),
  "min is max": fragmentSql((sql) => sql.replaceAll('"min"(', '"max"(')),
  "the group of NULL is skipped": finalSql((sql) =>
    sql.replace(/ GROUP BY ("r"\."g0")/, " WHERE $1 IS NOT NULL GROUP BY $1"),
  ),
  "HAVING is forgotten": finalSql((sql) => sql.replace(/ HAVING .*?(?= ORDER BY | LIMIT |$)/, "")),
  "OFFSET is skipped by every executor": { plan: offsetPerExecutor },
  "a tie is cut": fragmentSql((sql) => sql.replace(/( ORDER BY [^,]+), .*( LIMIT \(\d+\))$/, "$1$2")),
  "a limit is divided among the executors": fragmentSql((sql) =>
    sql.replace(/ LIMIT \((\d+)\)$/, (_, rows: string) => ` LIMIT (${Math.ceil(Number(rows) / 3)})`),
  ),
  "executors sort the other way": fragmentSql((sql) =>
    sql.replace(/( ORDER BY "[^",]+")(, .*)? LIMIT/, "$1 DESC$2 LIMIT"),
  ),
  "executors sort NULLs last whatever was asked": fragmentSql((sql) =>
    sql.replaceAll("NULLS FIRST", "NULLS LAST"),
  ),
};

/** The seams of a cluster under test, with one fault at a time; none at first. */
export class FaultPlanter {
  fault: Fault = {};

  readonly plan = (plan: DistributedPlan): DistributedPlan => this.fault.plan?.(plan) ?? plan;

  exchange(inner: Exchange): Exchange {
    return {
      run: (executor, request, signal) => {
        const result = inner.run(executor, this.fault.request?.(request, executor) ?? request, signal);
        return { ...result, frames: this.fault.frames?.(result.frames) ?? result.frames };
      },
    };
  }

  prune(inner: Prune): Prune {
    return (table, filter) => {
      const pruned = inner(table, filter);
      const kept = this.fault.pruned?.(pruned.kept, table.partitions.length) ?? pruned.kept;
      return { ...pruned, kept };
    };
  }
}
