import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { InProcessExchange } from "../adapters/exchange/in-process.ts";
import { MemoryObjects, MemoryStore } from "../adapters/store/memory.ts";
import { lockDataDir } from "../adapters/system/data-dir.ts";
import type { App } from "../core/app/app.ts";
import { Executor } from "../executor/executor.ts";
import { Metrics } from "../observe/metrics.ts";
import type { FragmentRunner } from "../ports/exchange.ts";
import { openExecutorEngine } from "./executor-engine.ts";
import { type InternalServer, type NodeContext, StartupError } from "./node-context.ts";
import { type RunningNode, startScheduler } from "./scheduler-node.ts";
import { localSecrets, openDatasetSource } from "./sources.ts";
import { version } from "./version.ts";

const id = "single";

/**
 * Start scheduler and executor in one process: the same code as in a cluster, with membership in memory (it ends with
 * the process; the data stays in the data directory), a socket that only this user can open between the two, and
 * fragments that never leave the process. Resolves once it serves.
 */
export async function startSingle(
  context: NodeContext,
  app: App,
  signal: AbortSignal,
  onFatal: (error: unknown) => void,
): Promise<RunningNode> {
  const { options, clock, random } = context;
  const log = context.log.module("executor");
  const dataDir = lockDataDir(options.dataDir.path, !options.dataDir.given);
  log.info({ data_dir: dataDir.path }, "Using data directory");
  const socket = await listenOnSocket();
  const runners = new Map<string, FragmentRunner>();
  const metrics = new Metrics({ role: "single", nodeId: id });
  const scheduler = await startScheduler(context, app, signal, onFatal, {
    dataDir: dataDir.path,
    store: new MemoryStore(new MemoryObjects(), { location: "memory:", wallMs: () => clock.wallMs() }),
    internal: socket.internal,
    exchange: new InProcessExchange(runners),
    metrics,
  });
  const engine = await openExecutorEngine(app, dataDir.path, metrics, onFatal);
  const secrets = localSecrets(app);
  const executor = await Executor.start({
    executorId: id,
    advertiseAddress: id,
    buildVersion: version,
    bootstrap: socket.internal.address,
    app: scheduler.scheduler.app,
    dataDir: dataDir.path,
    scratchDir: join(engine.scratch, "frames"),
    database: engine.database,
    registry: context.registry,
    clock,
    random,
    log,
    metrics,
    credentials: () => credentials.createInsecure(),
    certificates: () => undefined,
    peerCredentials: () => credentials.createInsecure(),
    source: (table, signal) =>
      openDatasetSource(
        table,
        engine.database,
        secrets,
        (value) => context.log.redactor.addSecret(value),
        signal,
      ),
    fetchApp: async () => {
      await engine.follow(scheduler.scheduler.app);
      return scheduler.scheduler.app;
    },
    onReplaced: (reason) => onFatal(new StartupError(`This executor was replaced: ${reason}`)),
  });
  runners.set(id, executor.guardedRunner());
  return {
    async stop(graceMs) {
      scheduler.scheduler.refuseNew();
      await context.closePublic(graceMs);
      // Every fragment belonged to a query of this node's own HTTP.
      await executor.stop(0);
      await scheduler.stop(0);
      await engine.close();
      await socket.close();
      dataDir.release();
    },
  };
}

/** An internal server on a socket in a directory of this user alone. */
async function listenOnSocket(): Promise<{ internal: InternalServer; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "spiced-"));
  await chmod(directory, 0o700);
  const address = `unix:${join(directory, "node.sock")}`;
  const server = new Server();
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return {
    internal: { server, id, address },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
