import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { loadKubeConfig, systemClock, systemRandom } from "@spice-shards/kube";
import { jsonLog, type Log } from "../log.ts";
import { type RunDeps, runOperator } from "./run-operator.ts";
import type { RunOptions } from "./run-options.ts";
import { preferSmallHeap } from "./small-heap.ts";

/** A pod's grace is longer; what has not ended by then is ended. */
const shutdownMs = 9500;

/**
 * Runs the operator in this process: logs to standard error, ends on SIGTERM and SIGINT within ten seconds, and on
 * what nobody caught at once.
 * @returns the exit code: 0 when it was told to stop, 1 when it failed
 */
export async function runProcess(
  options: RunOptions,
  version: string,
  wiring: Pick<RunDeps, "createController" | "dialer">,
): Promise<number> {
  preferSmallHeap();
  const log = withFields(
    jsonLog((line) => process.stderr.write(line), Date.now),
    options.telemetryProperties,
  );
  const die = (what: string) => (error: unknown) => {
    log.error(what, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exit(1);
  };
  process.on("unhandledRejection", die("a promise was rejected and nobody caught it"));
  process.on("uncaughtException", die("an error was thrown and nobody caught it"));
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) return;
    setTimeout(
      () => die("the shutdown took too long")(new Error(`${shutdownMs} ms are over`)),
      shutdownMs,
    ).unref();
    stop.abort(new Error(`got ${name}`));
  };
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.removeAllListeners(name); // as process 1, the launcher listened until now
    process.on(name, onSignal);
  }
  try {
    const access = await loadKubeConfig({
      ...(options.kubeconfig === undefined ? {} : { file: options.kubeconfig }),
      ...(options.context === undefined ? {} : { context: options.context }),
    });
    const identity = `${hostname()}_${randomUUID()}`;
    const common = { access, clock: systemClock, random: systemRandom, log, version, identity };
    await runOperator(options, { ...common, ...wiring }, stop.signal);
    return 0;
  } catch (error) {
    log.error("the operator failed", { error: (error as Error).message });
    return 1;
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  }
}

function withFields(log: Log, fields: Readonly<Record<string, string>>): Log {
  return {
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
