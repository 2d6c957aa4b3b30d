import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { SpicepodError } from "@spice-shards/spicepod";
import { loadAcceleratorModules } from "../adapters/engine/accelerator-modules.ts";
import { type AcceleratorRegistry, builtInAccelerators } from "../adapters/engine/registry.ts";
import type { App } from "../core/app/app.ts";
import { compileApp } from "./compile-app.ts";
import { startExecutor } from "./executor-node.ts";
import { checkRole, parseFlags, resolveRole, type SpicedOptions } from "./flags.ts";
import { NodeContext, StartupError } from "./node-context.ts";
import { type RunningNode, startScheduler } from "./scheduler-node.ts";
import { startSingle } from "./single-node.ts";
import { version } from "./version.ts";

/** How long a start that is told to stop may take to leave the cluster. */
const longestUnwindingMs = 5_000;

const outcome = parseFlags(process.argv.slice(2), process.env);
switch (outcome.kind) {
  case "help":
    console.log(outcome.text);
    break;
  case "version":
    console.log(version);
    break;
  case "usage-error":
    console.error(outcome.message);
    process.exit(2);
    break;
  case "run":
    await run(outcome.options);
    break;
  default:
    outcome satisfies never;
}

async function run(options: SpicedOptions): Promise<void> {
  const stop = new AbortController();
  let node: RunningNode | undefined;
  let starting: Promise<void> | undefined;
  let ending: Promise<void> | undefined;
  const end = (code: number): Promise<void> => {
    ending ??= (async () => {
      stop.abort(new Error("The process is stopping"));
      const limit = setTimeout(() => process.exit(code), options.shutdownTimeoutMs + 2_000);
      // What has begun to start may be a member of a cluster already.
      await Promise.race([starting?.catch(() => undefined), delay(longestUnwindingMs)]);
      await node?.stop(options.shutdownTimeoutMs);
      clearTimeout(limit);
      process.exit(code);
    })().catch((error: unknown) => {
      console.error(String(error));
      process.exit(code === 0 ? 1 : code);
    });
    return ending;
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.removeAllListeners(signal); // as process 1, the launcher listened until now
    process.on(signal, () => {
      // The second signal means now.
      if (ending !== undefined) process.exit(1);
      void end(0);
    });
  }
  const fatal = (error: unknown) => {
    console.error(`spiced stops: ${String((error as Error).message ?? error)}`);
    void end(1);
  };
  process.on("unhandledRejection", fatal);
  process.on("uncaughtException", fatal);
  try {
    const registry = builtInAccelerators();
    await loadAcceleratorModules(registry, process.env["SPICED_ACCELERATORS"]);
    const notices: string[] = [];
    const app =
      options.role === "executor"
        ? undefined
        : await readApp(options, registry, (text) => void notices.push(text));
    const role = resolveRole(options, { hasScheduler: app?.spicepod.runtime.scheduler !== undefined });
    const problem = checkRole(role, options);
    if (problem !== undefined) {
      console.error(problem);
      process.exit(1);
    }
    const context = await NodeContext.open(options, role, registry);
    for (const text of notices) context.log.module("spicepod").warn(text);
    starting = start(context, app, stop.signal, fatal).then((started) => {
      node = started;
    });
    await starting;
  } catch (error) {
    if (stop.signal.aborted) return;
    console.error(
      error instanceof SpicepodError
        ? error.message
        : `spiced cannot start: ${String((error as Error).message ?? error)}`,
    );
    await end(1);
  }
}

function start(
  context: NodeContext,
  app: App | undefined,
  signal: AbortSignal,
  fatal: (error: unknown) => void,
): Promise<RunningNode> {
  switch (context.role) {
    case "executor":
      return startExecutor(context, signal, fatal);
    case "scheduler":
      return startScheduler(context, app!, signal, fatal);
    case "single":
      return startSingle(context, app!, signal, fatal);
    default:
      return context.role satisfies never;
  }
}

/** Read the spicepod of a scheduler or a single node. Without a file at the default place there is an empty one. */
async function readApp(
  options: SpicedOptions,
  registry: AcceleratorRegistry,
  warn: (text: string) => void,
): Promise<App> {
  const { path, given } = options.spicepod;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (given) throw new StartupError(`there is no spicepod at ${path}. Name one with --spicepod PATH`);
    warn(`There is no ${path}: starting without datasets`);
    text = "version: v1\nkind: Spicepod\nname: empty\n";
  }
  return compileApp(text, {
    file: path,
    mode: options.role === "scheduler" ? "cluster" : undefined,
    registry,
    warn,
  });
}
