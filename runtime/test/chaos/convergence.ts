import { setTimeout as delay } from "node:timers/promises";
import type { ChaosBed } from "./chaos-bed.ts";
import { ask, type ClusterView, type PartitionView } from "./cluster-view.ts";
import type { ChaosNode } from "./nodes.ts";
import { questionsOver, type Row } from "./questions.ts";

/** Data are this fresh again once the cluster is well. */
const freshMs = 10_000;

/**
 * Wait until every scheduler sees the same healthy cluster: all executors members and active, every partition owned and
 * loaded, nothing on the move, the partitions spread evenly, the data fresh. Gives the milliseconds that it took; throws
 * with what was not so at the end.
 */
export async function converge(bed: ChaosBed, withinMs: number): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const problems = (await Promise.all(bed.schedulers.map((node) => problemsOf(bed, node)))).flat();
    const tookMs = performance.now() - startedMs;
    if (problems.length === 0) return Math.round(tookMs);
    if (tookMs > withinMs)
      throw new Error(`not well ${withinMs} ms after the faults: ${problems.join("; ")}`);
    await delay(250);
  }
}

async function problemsOf(bed: ChaosBed, node: ChaosNode): Promise<string[]> {
  try {
    const problems = membershipProblems(bed, await ask<ClusterView>(node, "/v1/cluster"));
    await ask(node, `/v1/ready?min_ready_executors=${bed.executors.length}`);
    for (const table of bed.source.tables) {
      const partitions = await ask<PartitionView[]>(node, `/v1/datasets/${table.name}/partitions`);
      if (partitions.length < table.truth.size)
        problems.push(`${partitions.length} partitions of ${table.name}`);
      for (const { value, owner, epoch } of partitions) {
        if (owner === null) continue;
        bed.history.claimed(`spice.public.${table.name}`, JSON.stringify(value), epoch, owner, node.name);
      }
    }
    if (problems.length === 0) problems.push(...(await freshnessProblems(bed, node)));
    return problems.map((problem) => `${node.name}: ${problem}`);
  } catch (error) {
    return [`${node.name}: ${String((error as Error).message)}`];
  }
}

function membershipProblems(bed: ChaosBed, view: ClusterView): string[] {
  const problems: string[] = [];
  const expected = bed.executors.map(({ id }) => id).sort();
  const members = view.executors.map(({ id }) => id).sort();
  if (expected.join() !== members.join())
    problems.push(`executors ${members.join()} instead of ${expected.join()}`);
  const schedulers = new Set(view.schedulers.map(({ id }) => id));
  const missing = bed.schedulers.filter((s) => !schedulers.has(s.id));
  if (missing.length > 0)
    problems.push(`schedulers ${missing.map(({ name }) => name).join()} are no members`);
  for (const { id, state, partitions, loaded, moving } of view.executors) {
    const name = bed.byId(id)?.name ?? id;
    if (state !== "active") problems.push(`${name} is ${state}`);
    if (loaded !== partitions) problems.push(`${name} has loaded ${loaded} of ${partitions}`);
    if (moving !== 0) problems.push(`${moving} partitions of ${name} are moving`);
  }
  const counts = view.executors.map(({ partitions }) => partitions);
  const owned = counts.reduce((a, b) => a + b, 0);
  const total = view.tables.reduce((n, { partitions }) => n + partitions.total, 0);
  if (owned !== total) problems.push(`${owned} of ${total} partitions are owned`);
  if (Math.max(...counts) - Math.min(...counts) > 1) problems.push(`the spread is ${counts.join()}`);
  return problems;
}

async function freshnessProblems(bed: ChaosBed, node: ChaosNode): Promise<string[]> {
  const problems: string[] = [];
  for (const { sql, check } of questionsOver(bed.source.tables)) {
    const askedMs = performance.now();
    const verdict = check(await ask<Row[]>(node, "/v1/sql", sql));
    if (verdict.kind === "wrong") problems.push(`wrong answer: ${verdict.why} (${sql})`);
    else {
      const old = [...verdict.seen].filter(
        ([, generation]) => bed.source.ageMs(generation, askedMs) > freshMs,
      );
      if (old.length > 0) problems.push(`${old.length} partitions are stale, as ${old[0]![0]}`);
    }
  }
  return problems;
}
