import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Draw, seedOf } from "../support/draw.ts";
import { Actor } from "./actor.ts";
import type { ChaosBed } from "./chaos-bed.ts";
import type { ClientCounts } from "./clients.ts";
import { converge } from "./convergence.ts";
import type { Script } from "./script.ts";

/** What nodes log as errors whenever a lease lapses or the source changes; each script may add its own. */
const usualErrors = [
  /no scheduler confirms that this executor still owns its partitions/,
  // DuckDB opens a file twice, and may find another one the second time: the refresh fails, and is tried again.
  /(TProtocolException|know what type|likely corrupted|Snappy deco).*Refresh failed; the old data stays/,
];

/** A cluster of this size is well again within this time after the faults. */
const convergesWithinMs = 45_000;

export interface ScriptResult {
  readonly script: string;
  readonly faultsMs: number;
  readonly convergedMs: number;
  readonly counts: ClientCounts;
}

/** What a script broke: the message is the whole report, with the command that repeats it. */
export class ChaosFailure extends Error {
  override readonly name = "ChaosFailure";
}

/**
 * Play a script on a healthy bed: the faults, then heal, then wait until all is well, then hold what was seen against
 * the invariants. `base` is the seed of the whole run. Throws a {@link ChaosFailure}; the bed is then of no more use.
 */
export async function runScript(bed: ChaosBed, script: Script, base: number): Promise<ScriptResult> {
  const seed = seedOf(base, script.name);
  const { journal, history } = bed;
  bed.clients.take();
  journal.takeTimeline();
  const before = { violations: journal.violations.length, removals: history.removals.length };
  journal.note(`script ${script.name}, SEED=${base}, slowness ${bed.slowness.toFixed(1)}`);
  const startedMs = performance.now();
  const actor = new Actor(bed, new Draw(seed));
  let [faultsMs, convergedMs, atHeal] = [0, 0, Number.POSITIVE_INFINITY];
  try {
    for (const step of script.steps) await actor.play(step);
    faultsMs = Math.round(performance.now() - startedMs);
    atHeal = history.removals.length;
    await actor.heal();
    convergedMs = await converge(bed, bed.slowness * (script.convergesWithinMs ?? convergesWithinMs));
    journal.note(`well again after ${convergedMs} ms`);
  } catch (error) {
    journal.violation("moves", String((error as Error).message ?? error));
  }
  history.skip();
  for (const line of bed.logs.take([...usualErrors, ...(script.logs ?? [])])) journal.violation("log", line);
  // Nobody knows the id of one that left for good.
  const lost = history.removals.flatMap(({ executor }, i) =>
    i < before.removals ? [] : [{ name: bed.byId(executor)?.name, early: i < atHeal }],
  );
  // A node that was dead may be slow to come back, and be lost then.
  const innocent = lost.flatMap(({ name, early }) =>
    name !== undefined && (!actor.hurt.has(name) || (early && script.stays === true)) ? [name] : [],
  );
  if (innocent.length > 0) {
    const what = `${innocent.join(", ")} lost its partitions for nothing`;
    // On a machine as busy as that a node may really be silent for as long as a lease.
    if (bed.slowness < 2) journal.violation("moves", what);
    else journal.note(what);
  }
  const counts = bed.clients.take();
  if (script.failures === "none" && counts.errors.size > 0) {
    journal.violation("failed-query", JSON.stringify(Object.fromEntries(counts.errors)));
  }
  if (counts.exact === 0) journal.violation("failed-query", "not one query was answered");
  const result = { script: script.name, faultsMs, convergedMs, counts };
  if (journal.violations.length > before.violations) {
    throw new ChaosFailure(await report(bed, script, base, result, before.violations));
  }
  return result;
}

/** One line of a result, for people who watch. */
export function describe({ script, faultsMs, convergedMs, counts }: ScriptResult): string {
  const errors = [...counts.errors.values()].reduce((a, b) => a + b, 0);
  const { exact, wrong, retried, slowestMs, stalestMs } = counts;
  return `${script.padEnd(44)} faults ${seconds(faultsMs)}, well after ${seconds(convergedMs)}; queries: ${exact} exact, ${wrong} wrong, ${errors} refused, ${retried} retried, slowest ${seconds(slowestMs)}, stalest ${seconds(stalestMs)}`;
}

async function report(
  bed: ChaosBed,
  script: Script,
  seed: number,
  result: ScriptResult,
  from: number,
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `spice-chaos-logs-${script.name}-`));
  await Promise.all(
    bed.processes.map((p) => writeFile(join(dir, `${p.name}-${p.pid}.log`), `${p.raw.join("\n")}\n`)),
  );
  const timeline = bed.journal.takeTimeline();
  await writeFile(join(dir, "timeline.txt"), `${timeline.join("\n")}\n`);
  const ids = [...bed.nodes.values()].filter((n) => n.known).map((n) => `${n.name} = ${n.id}`);
  return [
    `chaos script ${script.name}, SEED=${seed}:`,
    ...bed.journal.violations.slice(from, from + 20).map((v) => `  ${v.kind}: ${v.what}`),
    describe(result),
    ...[...result.counts.errors].map(([text, n]) => `  ${n} × ${text}`),
    "timeline:",
    ...timeline.slice(-60).map((line) => `  ${line}`),
    `nodes: ${ids.join(", ")}`,
    `script: ${JSON.stringify(script.steps)}`,
    `logs: ${dir}`,
    `again: SEED=${seed} SCRIPT=${script.name} JEST_ARGS=cluster.chaos make test TIER=cluster`,
  ].join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
