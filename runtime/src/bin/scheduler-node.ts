import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { resolveParameters } from "@spice-shards/spicepod";
import { askMetrics } from "../adapters/cluster/node-metrics.ts";
import { openDatabase } from "../adapters/duckdb/database.ts";
import { memoryUse } from "../adapters/duckdb/memory-use.ts";
import { installPartitionMacros } from "../adapters/duckdb/partition-macros.ts";
import { GrpcExchange } from "../adapters/exchange/grpc/grpc-client.ts";
import { discoverPartitions } from "../adapters/source/discover-partitions.ts";
import { fileSpool } from "../adapters/spool/file-spool.ts";
import { controlFolder } from "../adapters/store/file.ts";
import { openStore } from "../adapters/store/open.ts";
import { proveConditionalWrites } from "../adapters/store/prove.ts";
import { type DataDir, DataDirInUseError, lockDataDir } from "../adapters/system/data-dir.ts";
import { openScratchDir } from "../adapters/system/scratch-dir.ts";
import type { App } from "../core/app/app.ts";
import { pruneByPartition } from "../core/query/plan/prune-by-partition.ts";
import { messageOf } from "../core/text/message-of.ts";
import { MeasuredExchange } from "../observe/measured-exchange.ts";
import { MeasuredQueries } from "../observe/measured-queries.ts";
import { Metrics } from "../observe/metrics.ts";
import type { Exchange } from "../ports/exchange.ts";
import { type ObjectStore, StoreError } from "../ports/object-store.ts";
import { Admission } from "../scheduler/query/admission.ts";
import { PendingTables } from "../scheduler/query/pending-tables.ts";
import { QueryPlanner } from "../scheduler/query/planner.ts";
import { DistributedQueryService } from "../scheduler/query/query-service.ts";
import { reassignWaitMs } from "../scheduler/query/reassign-wait.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import { compileApp } from "./compile-app.ts";
import { LateNode } from "./late-node.ts";
import { type InternalServer, type NodeContext, StartupError } from "./node-context.ts";
import { openQueryEngine } from "./query-engine.ts";
import { shutdownSettings } from "./shutdown-settings.ts";
import { expandSecret, localSecrets, openDatasetSource } from "./sources.ts";
import { version } from "./version.ts";
import { watchSpicepod } from "./watch-spicepod.ts";

/** A running role of `spiced`. */
export interface RunningNode {
  /** Refuse new work, let the running work finish within `graceMs`, leave the cluster, free everything. */
  stop(graceMs: number): Promise<void>;
}

/** What a node that is also the executor puts in the place of a cluster's means. */
export interface SingleParts {
  readonly dataDir: string;
  readonly store: ObjectStore;
  readonly internal: InternalServer;
  readonly exchange: Exchange;
  readonly metrics: Metrics;
}

/** What fragment results of all running queries may take on disk. */
const spoolBytes = 2 ** 36;

/** Start the scheduler role; resolves once it serves. */
export async function startScheduler(
  context: NodeContext,
  app: App,
  signal: AbortSignal,
  onFatal: (error: unknown) => void,
  single?: SingleParts,
): Promise<RunningNode & { readonly scheduler: Scheduler }> {
  const { options, clock, random, security } = context;
  const log = context.log.module("scheduler");
  const { lingerMs } = shutdownSettings(process.env);
  // The stores of the spicepod in force: another one may name others.
  let scheduler: Scheduler | undefined;
  const inForce = () => scheduler?.app ?? app;
  const onSecret = (value: string) => context.log.redactor.addSecret(value);
  const given = app.scheduler.stateLocation;
  const dataDirPath = single?.dataDir ?? options.dataDir.path;
  const location = given ?? `file://${join(resolve(dataDirPath), "cluster")}/`;
  const lock = single === undefined ? lockFileState(location) : undefined;
  const store = single?.store ?? (await openState(location));
  const { server, id, address } = single?.internal ?? (await context.listenCluster());
  async function openState(location: string): Promise<ObjectStore> {
    const params = await resolveParameters(app.scheduler.params, "runtime.scheduler.params", {
      stores: localSecrets(app),
      onResolved: onSecret,
      signal,
    });
    const store = openStore(location, params.reveal(), { clock, random });
    try {
      await proveConditionalWrites(store, { random, signal });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new StartupError(
        `the cluster's state at ${location} cannot be reached or written: ${error.message}. Check runtime.scheduler.state_location, its params, and the rights of their key`,
        { cause: error },
      );
    }
    return store;
  }

  // A port that is drawn is known only now, and the cluster is told it.
  const late = new LateNode(context.role, () => context.endpoints());
  const metrics = single?.metrics ?? new Metrics({ role: "scheduler", nodeId: id });
  await context.listenMetrics(metrics, async (signal) => {
    const own = { nodeId: id, text: await metrics.text() };
    // A single node's executor lives in this process and writes into the same registry.
    if (scheduler === undefined || single !== undefined) return [own];
    const { answering, silent } = scheduler.peers;
    const others = await askMetrics(answering, () => security.channel(["scheduler", "executor"]), signal);
    return [own, ...others, ...silent.map(silentNode)];
  });
  const httpPort = (await context.listenHttp(late, late.info, metrics)).split(":").at(-1);
  const scratch = await openScratchDir(
    app.spicepod.runtime.query.tempDirectory ?? join(dataDirPath, "tmp"),
    "scheduler",
  );
  const database = await openQueryEngine({
    threads: countFromEnv("SPICED_QUERY_THREADS") ?? 2,
    memoryLimit: app.spicepod.runtime.query.memoryLimit,
    tempDirectory: join(scratch, "spill"),
  });
  const discovery = await openDatabase({
    threads: 1,
    memoryLimit: "512MB",
    tempDirectory: join(scratch, "discovery"),
  });
  const planning = await openDatabase({ threads: 1, memoryLimit: "512MB" });
  for (const each of [database, discovery, planning]) await installPartitionMacros(each);
  const compile = (text: string, file: string) =>
    compileApp(text, {
      file,
      mode: single === undefined ? "cluster" : "single",
      registry: context.registry,
      warn: (message) => log.warn(message),
    });
  const running = await Scheduler.start(
    {
      schedulerId: id,
      advertiseAddress: address,
      flightAddress: `${context.advertiseHost}:${options.flight.port}`,
      httpAddress: `${context.advertiseHost}:${httpPort}`,
      buildVersion: version,
      role: context.role === "single" ? "single" : "scheduler",
      store,
      app,
      compile: (text, generation) => ({
        ...compile(text, `spicepod of generation ${generation}`),
        generation,
      }),
      clock,
      random,
      log,
      metrics,
      async discover(table, signal) {
        const source = await openDatasetSource(table, discovery, localSecrets(inForce()), onSecret, signal);
        try {
          return await discoverPartitions(table.dataset.acceleration.partitionBy, source, signal);
        } finally {
          await source.close();
        }
      },
      expandSecret: (key) => expandSecret(inForce(), key),
      secure: security.secure,
      credentials: () => security.channel(["scheduler"]),
      certificates: () => security.fingerprints(),
      publicLeafSha256: () => context.publicLeafSha256(),
      authorize: (call, roles) => security.authorize(call as never, roles as never),
      endpoints: () => context.endpoints(),
      expectedExecutors: single === undefined ? countFromEnv("SPICED_EXPECTED_EXECUTORS") : 1,
      onFatal,
    },
    server,
    signal,
  );
  scheduler = running;
  const remote = new GrpcExchange({
    address: (executor) => running.addressOf(executor),
    instance: (executor) => running.document.executors[executor]?.instance_id,
    credentials: () => security.channel(["executor"]),
    clock,
  });
  const exchange = new MeasuredExchange(single === undefined ? remote : single.exchange, metrics, clock);
  const admission = new Admission({ running: 32, waiting: 1_000 });
  metrics.atScrape("scheduler_job_queue_depth", () => admission.waiting);
  metrics.atScrape("query_memory_pool_used_bytes", async () => (await memoryUse(database)).used);
  const service = new PendingTables(
    new DistributedQueryService({
      catalog: () => running.catalog.current(),
      planner: new QueryPlanner({ database: planning, prune: pruneByPartition }),
      database,
      exchange,
      spools: fileSpool({ directory: join(scratch, "spool"), maxBytes: spoolBytes }),
      admission,
      clock,
      random,
      defaultTimeoutMs: 300_000,
      reassignWaitMs: reassignWaitMs(app.scheduler.executorLostAfter),
    }),
    (table) => running.pendingReason(table),
  );
  const queries = new MeasuredQueries(service, metrics, clock, context.log.module("query"));
  late.become(queries, running.info);
  const watching = new AbortController();
  const watch = watchSpicepod(
    { path: options.spicepod.path, text: app.text, clock },
    watching.signal,
    async (text) => {
      const refused = (error: unknown, what: string) => {
        running.problem(`${what}: ${messageOf(error)}`);
        log.error({ cause: messageOf(error) }, what);
      };
      let changed: App;
      try {
        changed = compile(text, options.spicepod.path);
      } catch (error) {
        refused(error, "The changed spicepod is not in force; the old one stays");
        return "done";
      }
      try {
        await running.offer(changed);
        return "done";
      } catch (error) {
        refused(error, "The changed spicepod could not be committed yet");
        return "again";
      }
    },
  );
  log.info({ node_id: id, state: store.location }, "Scheduler started");
  return {
    scheduler: running,
    async stop(graceMs) {
      running.refuseNew();
      watching.abort();
      await watch;
      await context.closePublic(graceMs, lingerMs);
      await running.stop();
      await shutDown(server);
      remote.close();
      for (const each of [planning, database, discovery]) await each.close();
      await rm(scratch, { recursive: true, force: true });
      await store.close();
      security.close();
      metrics.close();
      lock?.release();
    },
  };
}

/** A node that is known and does not answer shows in the cluster's metrics as `node_status` 0. */
function silentNode(nodeId: string) {
  const sample = `node_status{node_id=${JSON.stringify(nodeId)},role="executor"} 0`;
  return { nodeId, text: `# TYPE node_status gauge\n${sample}\n` };
}

/** Keep other schedulers away from a `file://` state, which is for one. Throws when one is there. */
function lockFileState(location: string): DataDir | undefined {
  if (!location.startsWith("file://")) return undefined;
  try {
    return lockDataDir(join(fileURLToPath(location), controlFolder, "scheduler"), false);
  } catch (error) {
    if (!(error instanceof DataDirInUseError)) throw error;
    throw new StartupError(
      `The state in ${location} is in use by another scheduler: file:// serves one scheduler on one host; use an object store such as s3:// for several`,
    );
  }
}

/** Tell the peers that the server goes away; control streams end only by force. */
async function shutDown(server: Server): Promise<void> {
  const force = setTimeout(() => server.forceShutdown(), 500);
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  clearTimeout(force);
}

/** A whole number above zero from the environment, or undefined without one. Throws a StartupError for another text. */
function countFromEnv(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new StartupError(`${name} is a whole number above 0, not ${text}`);
  return Number(text);
}
