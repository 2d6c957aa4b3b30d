/**
 * The operator's controller as a process of its own, so that its memory and processor time can be read: as the
 * operator runs, but for AdminService, which always tells of one executor that has loaded all. Its arguments are a
 * kubeconfig and requests per second. It prints its metrics when it is told to end.
 */
import {
  Client,
  EventRecorder,
  loadKubeConfig,
  systemClock,
  systemRandom,
  TokenBucket,
  Transport,
} from "@spice-shards/kube";
import { Registry } from "prom-client";
import type { AdminDialer } from "../../operator/src/admin/port.ts";
import { silentLog } from "../../operator/src/log.ts";
import { operatorMetrics } from "../../operator/src/metrics.ts";
import { createController } from "../../operator/src/reconcile/controller.ts";
import { defaultSettings } from "../../operator/src/reconcile/settings.ts";

const [file = "", perSecond = "100"] = process.argv.slice(2);
const counts = { total: 12, assigned: 12, loaded: 12 };
const dialer: AdminDialer = {
  dial: () => ({
    getCluster: async () => ({
      revision: 1,
      appGeneration: 1,
      executors: [{ id: "0", index: 0, instanceId: "0", state: "active", owned: 12, loaded: 12, moving: 0 }],
      partitions: counts,
      tables: [{ name: "events", freshMs: 0, ...counts }],
      nodes: [],
    }),
    drain: async () => {},
    undrain: async () => {},
    close: () => {},
  }),
};

const registry = new Registry();
const metrics = operatorMetrics(registry);
const client = new Client({
  transport: new Transport(await loadKubeConfig({ file })),
  clock: systemClock,
  random: systemRandom,
  limiter: new TokenBucket({
    perSecond: Number(perSecond),
    burst: 2 * Number(perSecond),
    clock: systemClock,
  }),
  onRequest: (request) => metrics.apiRequest(request),
});
const common = { client, clock: systemClock, random: systemRandom };
const events = new EventRecorder({ ...common, controller: "spice.ai/operator", instance: "bench" });
const controller = createController({
  ...common,
  ...{ dialer, log: silentLog, metrics, events },
  settings: defaultSettings,
});
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort(new Error("told to end")));
await Promise.all([controller.run(stop.signal), events.run(stop.signal)]);
process.stdout.write(await registry.metrics(), () => process.exit(0));
