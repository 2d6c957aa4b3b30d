/**
 * B16: assign 1,000,000 partitions of bucket tables to 1,000 executors: plan, encode, commit (over a store in
 * memory, so that the figure is ours alone), decode; and the bytes of it. Figures, never assertions.
 */

import { seal } from "../runtime/src/core/cluster/commit.ts";
import { planCycle } from "../runtime/src/core/cluster/cycle.ts";
import { parseRoot, printDocument } from "../runtime/src/core/cluster/document/codec.ts";
import { type ClusterDocument, newDocument } from "../runtime/src/core/cluster/document/document.ts";
import { PartitionValues } from "../runtime/src/core/cluster/document/partition-values.ts";
import { decodePartitions } from "../runtime/src/core/cluster/document/partitions-object.ts";
import { registerExecutor } from "../runtime/src/core/cluster/membership/membership.ts";
import type { Figure } from "./figure.ts";

interface AssignmentFigures {
  readonly tables: number;
  readonly partitions: number;
  readonly executors: number;
  readonly planMs: number;
  readonly encodeMs: number;
  readonly commitMs: number;
  readonly decodeMs: number;
  readonly totalMs: number;
  readonly objectBytes: number;
  readonly rootBytes: number;
  readonly spread: number;
  /** One executor more, one table refreshed: what a cycle that changes nothing costs. */
  readonly idleCycleMs: number;
}

/** Medians of seven. */
export async function run(): Promise<readonly Figure[]> {
  const large = (
    [
      [1, 1_000_000],
      [10, 100_000],
    ] as const
  ).flatMap(([tables, each]) => {
    const middle = middleOf(tables, each, 1_000);
    const label = `B16 ${tables} × ${each} partitions, 1,000 executors`;
    return [
      { name: `${label}: plan, encode, commit, decode`, value: middle.totalMs, unit: "ms", aim: "≤ 500 ms" },
      { name: `${label}: cycle that changes nothing`, value: middle.idleCycleMs, unit: "ms" },
      { name: `${label}: table objects`, value: middle.objectBytes, unit: "B", aim: "≤ 3 MB" },
      { name: `${label}: root`, value: middle.rootBytes, unit: "B", aim: "≤ 100 kB" },
      { name: `${label}: load spread`, value: middle.spread, unit: "", aim: "≤ 1" },
    ];
  });
  const curve = [10, 100, 1_000, 10_000].flatMap((each) =>
    [1, 3, 10, 100, 1_000].map((executors) => ({
      name: `growth: ${each} partitions, ${executors} executors: plan, encode, commit, decode`,
      value: middleOf(1, each, executors).totalMs,
      unit: "ms",
    })),
  );
  return [...large, ...curve];
}

function middleOf(tables: number, each: number, executors: number): AssignmentFigures {
  const samples = Array.from({ length: 7 }, () => measure(tables, each, executors));
  samples.sort((a, b) => a.totalMs - b.totalMs);
  return samples[3]!;
}

function measure(tables: number, each: number, executors: number): AssignmentFigures {
  let document: ClusterDocument = newDocument("00000000-0000-4000-8000-000000000000", 0);
  for (let i = 0; i < executors; i += 1) {
    const suffix = String(i).padStart(12, "0");
    document = registerExecutor(document, `exec-${i}:50052`, `00000000-0000-4000-8000-${suffix}`);
  }
  const input = {
    tables: Array.from({ length: tables }, (_, i) => ({
      name: `spice.public.t${i}`,
      expressions: [`bucket(${each}, id)`],
      onChangedExpressions: "keep" as const,
      discovery: { values: PartitionValues.buckets(each, false), discoveredAtMs: 1, removable: new Map() },
    })),
    complete: true,
    liveExecutors: Object.keys(document.executors),
    seeding: true,
    capped: true,
    settings: { maxPartitionsPerExecutor: 1_000_000, maxPartitionAssignmentsPerInterval: 100 },
    nowMs: 1_700_000_000_000,
  };
  const started = performance.now();
  const planned = planCycle(document, input).document;
  const plannedAt = performance.now();
  const sealed = seal(
    document,
    planned,
    { schedulerId: "s", instanceId: "i", sequence: 1 },
    1_700_000_000_000,
  );
  const printed = printDocument(sealed);
  const encodedAt = performance.now();
  const store = new Map<string, Uint8Array>();
  for (const object of printed.objects) store.set(object.sha256, Buffer.from(object.body));
  const root = Buffer.from(printed.root);
  const committedAt = performance.now();
  const decoded = parseRoot(root, "bench").complete(
    (_, ref) => decodePartitions(store.get(ref.sha256)!, ref.sha256, ref.sha256).set,
  );
  const decodedAt = performance.now();
  const idle = planCycle(decoded, input);
  const idleCycleMs = performance.now() - decodedAt;
  if (idle.document !== decoded) throw new Error("a second cycle changed something");
  const loads = new Map(input.liveExecutors.map((id) => [id, 0]));
  for (const table of Object.values(decoded.accelerations)) {
    for (const [id, count] of table.partitions.ownedCounts()) loads.set(id, loads.get(id)! + count);
  }
  return {
    tables,
    partitions: tables * each,
    executors,
    planMs: plannedAt - started,
    encodeMs: encodedAt - plannedAt,
    commitMs: committedAt - encodedAt,
    decodeMs: decodedAt - committedAt,
    totalMs: decodedAt - started,
    objectBytes: printed.objects.reduce((sum, { body }) => sum + body.byteLength, 0),
    rootBytes: root.byteLength,
    spread: Math.max(...loads.values()) - Math.min(...loads.values()),
    idleCycleMs,
  };
}
