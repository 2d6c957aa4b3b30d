import { join } from "node:path";
import type { GetAppDefinitionResponse } from "@spice-shards/proto";
import { callAnyNode } from "../adapters/cluster/call-node.ts";
import { serveMetrics } from "../adapters/cluster/node-metrics.ts";
import { PublicPins } from "../adapters/cluster/public-pins.ts";
import { lockDataDir } from "../adapters/system/data-dir.ts";
import type { App } from "../core/app/app.ts";
import { messageOf } from "../core/text/message-of.ts";
import { Executor } from "../executor/executor.ts";
import { ExecutorInfo } from "../executor/node-info.ts";
import { Metrics } from "../observe/metrics.ts";
import { compileApp } from "./compile-app.ts";
import { openExecutorEngine } from "./executor-engine.ts";
import { LateNode } from "./late-node.ts";
import { type NodeContext, StartupError } from "./node-context.ts";
import { remoteSecrets } from "./remote-secrets.ts";
import type { RunningNode } from "./scheduler-node.ts";
import { shutdownSettings } from "./shutdown-settings.ts";
import { localSecrets, openDatasetSource } from "./sources.ts";
import { version } from "./version.ts";

/** What is left of the time for a shutdown when an executor has handed over what it could. */
const afterHandOverMs = 5_000;

/** Start the executor role: get the spicepod from a scheduler, then join. Resolves once it serves. */
export async function startExecutor(
  context: NodeContext,
  signal: AbortSignal,
  onFatal: (error: unknown) => void,
): Promise<RunningNode> {
  const { options, clock, random, security } = context;
  const log = context.log.module("executor");
  const shutdown = shutdownSettings(process.env);
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
  const engine = await openExecutorEngine(app, dataDir.path, metrics, onFatal);
  const { database, scratch, close } = engine;
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
      fetchApp: async (generation, signal) => {
        const next = await fetchApp(context, schedulers, id, signal, generation);
        await engine.follow(next);
        return next;
      },
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
      const until = clock.monotonicMs() + graceMs;
      if (shutdown.drain && graceMs > afterHandOverMs) await running.leave(graceMs - afterHandOverMs);
      const leftMs = Math.max(0, until - clock.monotonicMs());
      await Promise.all([context.closePublic(leftMs), running.stop(leftMs)]);
      server.forceShutdown();
      await close();
      security.close();
      metrics.close();
      dataDir.release();
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
  let known = "";
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
      const cause = messageOf(error);
      // The same again is no news.
      log[cause === known ? "debug" : "warn"](
        { schedulers: schedulers(), cause },
        "No spicepod from the scheduler yet; trying again",
      );
      known = cause;
    }
    if (response === undefined) await context.clock.sleep(delay, signal);
  }
  const app = compileApp(response.spicepod, {
    file: `spicepod of generation ${response.generation}`,
    mode: "cluster",
    registry: context.registry,
    // The scheduler has said it.
    warn: (message) => log.debug(message),
  });
  return { ...app, generation: response.generation, sha256: response.sha256 };
}
