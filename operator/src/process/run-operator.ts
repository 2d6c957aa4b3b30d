import {
  Client,
  type Clock,
  type ClusterAccess,
  EventRecorder,
  type Random,
  TokenBucket,
  Transport,
} from "@spice-shards/kube";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { AdminDialer } from "../admin/port.ts";
import type { Log } from "../log.ts";
import { operatorMetrics } from "../metrics.ts";
import type { Controller, ControllerDeps } from "../reconcile/controller-api.ts";
import { type HealthState, healthRoutes } from "./health.ts";
import { lead, type TermWork } from "./lead.ts";
import { Progress } from "./progress.ts";
import type { BindAddress, RunOptions } from "./run-options.ts";
import { serveWebhook } from "./serve-webhook.ts";
import { type TextRoutes, TextServer } from "./text-server.ts";

export interface RunDeps {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  /** Different for every process: host name and a UUID. */
  readonly identity: string;
  readonly dialer: AdminDialer;
  readonly createController: (deps: ControllerDeps) => Controller;
}

/** Requests per second to the API server, and at once. */
const rate = { perSecond: 100, burst: 200 };
/** The same for events, which never wait in the way of what clusters need. */
const eventRate = { perSecond: 20, burst: 50 };

/**
 * `spiceai-operator run`: health, metrics, webhook, and the controller while this replica leads. Runs until `signal`
 * aborts; then the Lease is released at once and the webhook answers for a few seconds more.
 * @throws Error when an address cannot be listened on, or the controller fails
 */
export async function runOperator(options: RunOptions, deps: RunDeps, signal: AbortSignal): Promise<void> {
  const { access, clock, random, log, identity, dialer } = deps;
  const { name, settings, verbose, webhookAddress } = options;
  const namespace = options.operatorNamespace ?? access.namespace;
  const registry = new Registry();
  registry.setDefaultLabels(options.telemetryProperties);
  collectDefaultMetrics({ register: registry });
  const progress = new Progress(clock);
  const metrics = progress.watch(operatorMetrics(registry));
  metrics.leader(false);
  const state: HealthState = {
    progress,
    webhookReady: webhookAddress === undefined,
    controller: undefined,
    stopping: false,
  };
  const limiter = new TokenBucket({ ...rate, clock });
  const clientOn = (transport: Transport, limiter?: TokenBucket) =>
    new Client({
      transport,
      clock,
      random,
      userAgent: `spiceai-operator/${deps.version}`,
      ...(limiter === undefined ? {} : { limiter }),
      onRequest(request) {
        metrics.apiRequest(request);
        if (verbose) log.info("API request", { ...request, ms: Math.round(request.ms) });
      },
    });
  const transport = new Transport(access);
  const client = clientOn(transport);

  const term: TermWork = async (fenced, ending, over) => {
    const events = new EventRecorder({
      client: clientOn(transport, new TokenBucket({ ...eventRate, clock })),
      clock,
      random,
      controller: "spice.ai/operator",
      instance: identity,
      onError: (error) => log.warn("an event was not written", { error: (error as Error).message }),
    });
    const controller = deps.createController({
      client: clientOn(fenced, limiter),
      dialer,
      clock,
      random,
      log,
      metrics,
      events,
      settings,
    });
    state.controller = controller;
    const ended = new AbortController();
    const recording = events.run(AbortSignal.any([ended.signal, over]));
    try {
      await controller.run(ending);
    } finally {
      state.controller = undefined;
      progress.reset();
      ended.abort(new Error("the term has ended"));
      await recording;
    }
  };

  log.info("starting", { version: deps.version, server: access.server.origin, namespace });
  const failed = new AbortController();
  const whole = AbortSignal.any([signal, failed.signal]);
  const servers: TextServer[] = [];
  const serve = async (what: string, address: BindAddress | undefined, routes: TextRoutes) => {
    if (address === undefined) return;
    const server = new TextServer(routes);
    const port = await server.listen(address);
    servers.push(server);
    log.info(`serving ${what}`, { host: address.host, port });
  };
  const onAbort = () => {
    state.stopping = true;
    log.info("stopping");
  };
  whole.addEventListener("abort", onAbort, { once: true });
  try {
    await serve("health", options.healthAddress, healthRoutes(state));
    await serve("metrics", options.metricsAddress, {
      "/metrics": async () => ({ code: 200, text: await registry.metrics(), type: registry.contentType }),
    });
    await allOrNone(failed, [
      lead(
        {
          ...access,
          client,
          clock,
          random,
          log,
          metrics,
          elect: options.leaderElect,
          namespace,
          lease: name,
          identity,
          term,
        },
        whole,
      ),
      webhookAddress === undefined
        ? Promise.resolve()
        : serveWebhook(
            {
              client,
              clock,
              random,
              log,
              registry,
              name,
              namespace,
              clusterDomain: settings.clusterDomain,
              watchNamespaces: settings.watchNamespaces,
              policy: options.admissionPolicy,
              address: webhookAddress,
              onServing(port) {
                state.webhookReady = true;
                log.info("serving the webhook", { host: webhookAddress.host, port });
              },
            },
            whole,
          ),
    ]);
  } finally {
    whole.removeEventListener("abort", onAbort);
    for (const server of servers) await server.close();
    transport.close();
    log.info("stopped");
  }
}

/** Waits for all; the first that fails ends the others, and its error is thrown. */
async function allOrNone(failed: AbortController, tasks: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(
    tasks.map((task) =>
      task.catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const result of settled) if (result.status === "rejected") throw result.reason;
}
