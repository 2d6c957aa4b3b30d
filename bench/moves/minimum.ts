import { planCycle } from "../../runtime/src/core/cluster/cycle.ts";
import { type ClusterDocument, newDocument } from "../../runtime/src/core/cluster/document/document.ts";
import { PartitionValues } from "../../runtime/src/core/cluster/document/partition-values.ts";
import { registerExecutor } from "../../runtime/src/core/cluster/membership/membership.ts";
import type { PartitionReport } from "../../runtime/src/core/cluster/membership/messages.ts";
import { planMoves } from "../../runtime/src/core/cluster/moves/plan-moves.ts";
import type { Figure } from "../figure.ts";

const tables = 10;

/** B17 at size: 1,000 executors, 100,000 partitions, one executor more and one less. */
export function movesAtSize(executors = 1_000, partitions = 100_000): Figure[] {
  const before = assigned(executors, partitions);
  const joined = registerExecutor(before, "executor-new:50052", uuid(executors));
  const level = Math.floor(partitions / (executors + 1));
  const leaving = Object.keys(before.executors)[0]!;
  const drained: ClusterDocument = {
    ...before,
    executors: { ...before.executors, [leaving]: { ...before.executors[leaving]!, state: "draining" } },
  };
  const held = [...owned(before).entries()].find(([id]) => id === leaving)![1];
  return [...figures("one executor more", joined, level), ...figures("one executor less", drained, held)].map(
    (figure) => ({
      ...figure,
      name: `planMoves, ${executors} executors, ${partitions} partitions, ${figure.name}`,
    }),
  );
}

/** Plan and load until nothing is left to do. */
function figures(label: string, start: ClusterDocument, minimum: number): Figure[] {
  let document = start;
  let promoted = 0;
  let rounds = 0;
  let longestMs = 0;
  let unavailable = 0;
  const loaded = new Map<string, PartitionReport>();
  const input = {
    liveExecutors: Object.keys(start.executors),
    lost: new Set<string>(),
    unheard: new Set<string>(),
    report: (executor: string, table: string, key: string) => loaded.get(`${executor} ${table} ${key}`),
    settings: {
      maxPartitionsPerExecutor: 1_000,
      maxPartitionAssignmentsPerInterval: 100,
      maxPartitionMoveBytes: Number.POSITIVE_INFINITY,
    },
    capped: true,
    nowMs: 1_700_000_000_000,
  };
  for (;;) {
    const started = performance.now();
    const planned = planMoves(document, input);
    longestMs = Math.max(longestMs, performance.now() - started);
    if (planned.document === document) break;
    document = planned.document;
    rounds += 1;
    promoted += planned.result.steps.filter(({ kind }) => kind === "promote").length;
    for (const [table, { partitions }] of Object.entries(document.accelerations)) {
      unavailable += partitions.unassignedCount();
      for (const [index, { learners = [] }] of partitions.columns.extras) {
        const key = partitions.key(index);
        const report = { table, key, epoch: partitions.epoch(index), version: 1, rows: 1, bytes: 1 };
        for (const id of learners) loaded.set(`${id} ${table} ${key}`, { ...report, state: "loaded" });
      }
    }
  }
  return [
    { name: `${label}: partitions moved ÷ minimum`, value: promoted, unit: "", baseline: minimum },
    { name: `${label}: partitions without owner in between`, value: unavailable, unit: "" },
    { name: `${label}: longest plan of ${rounds + 1}`, value: longestMs, unit: "ms" },
  ];
}

function assigned(executors: number, partitions: number): ClusterDocument {
  let document = newDocument(uuid(0), 0);
  for (let i = 0; i < executors; i += 1)
    document = registerExecutor(document, `executor-${i}:50052`, uuid(i));
  const each = partitions / tables;
  return planCycle(document, {
    tables: Array.from({ length: tables }, (_, i) => ({
      name: `spice.public.t${i}`,
      expressions: [`bucket(${each}, id)`],
      onChangedExpressions: "keep" as const,
      discovery: { values: PartitionValues.buckets(each, false), discoveredAtMs: 1, removable: new Map() },
    })),
    complete: true,
    liveExecutors: Object.keys(document.executors),
    seeding: true,
    capped: false,
    settings: { maxPartitionsPerExecutor: 1_000, maxPartitionAssignmentsPerInterval: 100 },
    nowMs: 1_700_000_000_000,
  }).document;
}

function owned(document: ClusterDocument): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { partitions } of Object.values(document.accelerations)) {
    for (const [id, n] of partitions.ownedCounts()) counts.set(id, (counts.get(id) ?? 0) + n);
  }
  return counts;
}

function uuid(i: number): string {
  return `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`;
}
