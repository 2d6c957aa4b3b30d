import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { GetAppDefinitionResponse } from "@spice-shards/proto";
import { parseSize } from "@spice-shards/spicepod";
import { callAnyNode } from "../adapters/cluster/call-node.ts";
import { serveMetrics } from "../adapters/cluster/node-metrics.ts";
import { PublicPins } from "../adapters/cluster/public-pins.ts";
import { openDatabase } from "../adapters/duckdb/database.ts";
import { engineSettings } from "../adapters/duckdb/engine-settings.ts";
import { installPartitionMacros } from "../adapters/duckdb/partition-macros.ts";
import { lockDataDir } from "../adapters/system/data-dir.ts";
import { openScratchDir } from "../adapters/system/scratch-dir.ts";
import type { App } from "../core/app/app.ts";
import { messageOf } from "../core/text/message-of.ts";
import { Executor } from "../executor/executor.ts";
import { ExecutorInfo } from "../executor/node-info.ts";
import { Metrics } from "../observe/metrics.ts";
import { compileApp } from "./compile-app.ts";
import { LateNode } from "./late-node.ts";
import { type NodeContext, StartupError } from "./node-context.ts";
import { remoteSecrets } from "./remote-secrets.ts";
import type { RunningNode } from "./scheduler-node.ts";
import { localSecrets, openDatasetSource } from "./sources.ts";
import { version } from "./version.ts";

/** Start the executor role: get the spicepod from a scheduler, then join. Resolves once it serves. */
export async function startExecutor(
  context: NodeContext,
  signal: AbortSignal,
  onFatal: (error: unknown) => void,
): Promise<RunningNode> {
  const { options, clock, random, security } = context;
  const log = context.log.module("executor");
  const dataDir = lockDataDir(options.dataDir.path, !options.dataDir.given);
  log.info({ data_dir: dataDir.path }, "Using data directory");
  const { server, id } = await context.listenCluster();
  const bootstrap = options.schedulerAddress!.host;
  // The one to start from may be gone later; any other does as well.
  const schedulers = () => [...(executor?.agent.schedulerAddresses ?? []), bootstrap];
  const credentials = () => security.channel(["scheduler"]);
  const late = new LateNode("executor", () => context.endpoints());
  const metrics = new Metrics({ role: "executor", nodeId: id });
  let executor: Executor | undefined;
  await context.listenMetrics(metrics);
  serveMetrics(
    server,
    () => metrics.text(),
    (call, roles) => security.authorize(call, roles),
  );
  const pins = new PublicPins(credentials);
  await context.listenHttp(late, late.info, metrics, () => pins.of(executor?.agent.schedulers ?? []));
  const app = await fetchApp(context, schedulers, id, signal);
  // Without mTLS no scheduler gives secrets away: this node has to have them itself.
  const secrets = () =>
    security.secure ? remoteSecrets(schedulers, id, credentials) : localSecrets(executor?.app ?? app);
  const { database, scratch, close } = await openEngine(app, dataDir.path);
  let accepting = true;
  const running = await Executor.start(
    {
      executorId: id,
      advertiseAddress: id,
      buildVersion: version,
      bootstrap,
      app,
      dataDir: dataDir.path,
      scratchDir: join(scratch, "frames"),
      database,
      registry: context.registry,
      clock,
      random,
      log,
      metrics,
      credentials,
      certificates: () => security.fingerprints(),
      peerCredentials: () => security.channel(["executor"]),
      source: (table, signal) =>
        openDatasetSource(
          table,
          database,
          secrets(),
          (value) => context.log.redactor.addSecret(value),
          signal,
        ),
      fetchApp: (generation, signal) => fetchApp(context, schedulers, id, signal, generation),
      onReplaced: (reason) => onFatal(new StartupError(`This executor was replaced: ${reason}`)),
    },
    { server, authorize: (call, roles) => security.authorize(call, roles) },
  );
  executor = running;
  security.onRenewal(() => running.agent.reportCertificates());
  const info = new ExecutorInfo({
    nodeId: id,
    executor: running,
    endpoints: () => context.endpoints(),
    accepting: () => accepting,
  });
  late.become(late, info);
  log.info({ node_id: id, scheduler: bootstrap }, "Executor started");
  return {
    async stop(graceMs) {
      accepting = false;
      running.refuseNew();
      await Promise.all([context.closePublic(graceMs), running.stop(graceMs)]);
      server.forceShutdown();
      await close();
      security.close();
      metrics.close();
      dataDir.release();
    },
  };
}

/** The serving engine of an executor, with a directory for what it spills and sends. */
export async function openEngine(app: App, dataDir: string) {
  const scratch = await openScratchDir(
    app.spicepod.runtime.query.tempDirectory ?? join(dataDir, "tmp"),
    "executor",
  );
  const database = await openDatabase({
    threads: engineThreads(app),
    memoryLimit: engineMemory(app),
    tempDirectory: join(scratch, "spill"),
    // Memory of finished fragments goes back to the system, so that a burst does not set the size for good.
    settings: {
      ...engineSettings,
      allocator_background_threads: "true",
      allocator_flush_threshold: "16MB",
      preserve_insertion_order: "false",
    },
  });
  await installPartitionMacros(database);
  return {
    database,
    scratch,
    async close(): Promise<void> {
      await database.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** The spicepod in force, at `generation` or later; asks until a scheduler gives it. */
async function fetchApp(
  context: NodeContext,
  schedulers: () => readonly string[],
  executorId: string,
  signal: AbortSignal,
  generation = 0,
): Promise<App> {
  const log = context.log.module("executor");
  let response: GetAppDefinitionResponse | undefined;
  for (let delay = 250; response === undefined; delay = Math.min(delay * 1.6, 10_000)) {
    try {
      const answer = await callAnyNode<GetAppDefinitionResponse>(
        schedulers(),
        () => context.security.channel(["scheduler"]),
        signal,
        (client, done) => client.getAppDefinition({ executorId }, done),
      );
      if (answer.generation >= generation) response = answer;
    } catch (error) {
      signal.throwIfAborted();
      log.warn(
        { schedulers: schedulers(), cause: messageOf(error) },
        "No spicepod from the scheduler yet; trying again",
      );
    }
    if (response === undefined) await context.clock.sleep(delay, signal);
  }
  const app = compileApp(response.spicepod, {
    file: `spicepod of generation ${response.generation}`,
    mode: "cluster",
    registry: context.registry,
    warn: (message) => log.warn(message),
  });
  return { ...app, generation: response.generation, sha256: response.sha256 };
}

/** Threads of the serving engine: the most that a dataset asks for (4 where none does), never above the cores. */
function engineThreads(app: App): number {
  const asked = app.tables.map((t) => Number(t.dataset.acceleration.params["duckdb_threads"] ?? 4));
  return Math.max(1, Math.min(availableParallelism(), Math.max(1, ...asked)));
}

/** What the engine does not count of the memory that it causes: the allocator's slack, buffers of sources and files. */
const uncountedBytes = 96 * 2 ** 20;

/**
 * Memory of the serving engine: the largest `duckdb_memory_limit`, else `runtime.query.memory_limit`, else 4 GiB; less
 * what the engine does not count, but half of it at least.
 */
function engineMemory(app: App): string {
  const asked = app.tables.flatMap((t) => {
    const limit = t.dataset.acceleration.params["duckdb_memory_limit"];
    const bytes = limit === undefined ? undefined : parseSize(limit);
    return bytes === undefined ? [] : [bytes];
  });
  const bytes = asked.length > 0 ? Math.max(...asked) : (app.spicepod.runtime.query.memoryLimit ?? 2 ** 32);
  return `${Math.round(Math.max(bytes / 2, bytes - uncountedBytes) / 2 ** 20)}MiB`;
}
