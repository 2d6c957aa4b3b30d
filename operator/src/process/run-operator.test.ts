import https from "node:https";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readBundle } from "@spice-shards/certificates";
import { type Client, type Clock, type KubeObject, type Lease, systemClock } from "@spice-shards/kube";
import { FakeApiServer, seededRandom } from "@spice-shards/kube/testing";
import type { AdminDialer } from "../admin/port.ts";
import { jsonLog } from "../log.ts";
import type { ControllerDeps } from "../reconcile/controller-api.ts";
import { defaultSettings } from "../reconcile/settings.ts";
import { runOperator } from "./run-operator.ts";
import type { RunOptions } from "./run-options.ts";

/** Time that runs ten times as fast: a Lease of 15 s is over after 1.5 s. */
const factor = 10;
const fastClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now() * factor,
  sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
};

const dialer: AdminDialer = {
  dial() {
    throw new Error("no cluster is dialled here");
  },
};

/** A controller that writes one ConfigMap again and again. */
class WritingController {
  synced = false;
  writes = 0;
  readonly #deps: ControllerDeps;
  constructor(deps: ControllerDeps) {
    this.#deps = deps;
  }
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await write(this.#deps.client, signal);
        this.writes += 1;
        this.#deps.metrics.reconciled("done", 3);
      } catch {
        // The API server is away, or the term is over.
      }
      this.synced = true;
      await fastClock.sleep(200, signal).catch(() => {});
    }
  }
}

const configMaps = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true };

function write(client: Client, signal?: AbortSignal) {
  const object: KubeObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "data", name: "x" },
  };
  return client.apply(configMaps, object, { fieldManager: "t", ...(signal === undefined ? {} : { signal }) });
}

let api: FakeApiServer;
let server: URL;
const running: Process[] = [];

beforeEach(async () => {
  api = new FakeApiServer();
  server = await api.start();
  api.store.put("admissionregistration.k8s.io/validatingwebhookconfigurations", {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "spiceai-operator.ops" },
    webhooks: [{ name: "a.spice.ai", clientConfig: {} }],
  } as KubeObject);
});

afterEach(async () => {
  for (const process of running.splice(0)) await process.end();
  await api.stop();
});

interface Process {
  readonly lines: Record<string, unknown>[];
  readonly controllers: WritingController[];
  readonly deps: ControllerDeps[];
  url(what: string, path: string): Promise<string>;
  ended: Promise<void>;
  stop(): void;
  end(): Promise<void>;
}

const any = { host: "127.0.0.1", port: 0 };
const options: RunOptions = {
  kubeconfig: undefined,
  context: undefined,
  name: "spiceai-operator",
  operatorNamespace: "ops",
  healthAddress: any,
  metricsAddress: any,
  webhookAddress: undefined,
  admissionPolicy: "err",
  leaderElect: true,
  telemetryProperties: { region: "eu" },
  verbose: false,
  settings: { ...defaultSettings, watchNamespaces: ["data"] },
};

function start(
  identity: string,
  given: Partial<RunOptions> = {},
  make?: (deps: ControllerDeps) => never,
): Process {
  const lines: Record<string, unknown>[] = [];
  const controllers: WritingController[] = [];
  const deps: ControllerDeps[] = [];
  const stop = new AbortController();
  const credentials = { current: async () => ({ headers: {}, tls: {} }), invalidate() {} };
  const ended = runOperator(
    { ...options, ...given },
    {
      access: { server, credentials, namespace: "default" },
      clock: fastClock,
      random: seededRandom(1),
      log: jsonLog((line) => lines.push(JSON.parse(line)), Date.now),
      version: "1.2.3",
      identity,
      dialer,
      createController(given) {
        deps.push(given);
        if (make !== undefined) return make(given);
        const controller = new WritingController(given);
        controllers.push(controller);
        return controller;
      },
    },
    stop.signal,
  );
  ended.catch(() => {}); // Tests that end early are judged by their own assertions.
  const url = async (what: string, path: string) => {
    const line = () => lines.find(({ message }) => message === `serving ${what}`);
    await until(() => line() !== undefined);
    return `http://127.0.0.1:${line()?.["port"]}${path}`;
  };
  const end = async () => {
    stop.abort(new Error("stop"));
    await ended.catch(() => {});
  };
  const process = { lines, controllers, deps, url, ended, stop: () => stop.abort(new Error("stop")), end };
  running.push(process);
  return process;
}

async function until(done: () => boolean | Promise<boolean>, what = "it"): Promise<void> {
  const end = Date.now() + 15_000;
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await systemClock.sleep(10);
  }
}

const lease = () => api.store.get("coordination.k8s.io/leases", "ops/spiceai-operator") as Lease | undefined;
const get = async (url: string) => {
  const response = await fetch(url);
  return { code: response.status, text: await response.text() };
};

test("one of two works; the other is ready too, and takes over at once after a stop", async () => {
  const a = start("a");
  await until(() => (a.controllers[0]?.writes ?? 0) > 0);
  const b = start("b");
  expect(await get(await b.url("health", "/ready"))).toEqual({ code: 200, text: "ok\n" });
  expect(await get(await a.url("health", "/ready"))).toEqual({ code: 200, text: "ok\n" });
  expect(lease()?.spec?.holderIdentity).toBe("a");
  expect((await get(await a.url("metrics", "/metrics"))).text).toContain(
    'spiceai_operator_leader{region="eu"} 1',
  );
  expect((await get(await b.url("metrics", "/metrics"))).text).toContain(
    'spiceai_operator_leader{region="eu"} 0',
  );
  expect(b.controllers).toHaveLength(0);
  a.stop();
  await a.ended;
  expect(lease()?.spec?.holderIdentity).not.toBe("a");
  await until(() => (b.controllers[0]?.writes ?? 0) > 0);
  expect(lease()?.spec?.holderIdentity).toBe("b");
  expect(a.lines.map(({ message }) => message)).toEqual(
    expect.arrayContaining(["starting", "leading", "leadership was released", "stopping", "stopped"]),
  );
});

test("a leader that loses its Lease stops at once, writes nothing more, and waits to lead again", async () => {
  const a = start("a");
  await until(() => (a.controllers[0]?.writes ?? 0) > 0);
  const { client } = a.deps[0]!;
  const stolen = { ...lease()!, spec: { ...lease()?.spec, holderIdentity: "intruder" } } as Lease;
  api.store.put("coordination.k8s.io/leases", stolen);
  await until(() => a.lines.some(({ message }) => message === "leadership was lost"));
  await expect(write(client)).rejects.toThrow("leadership was lost");
  const written = a.controllers[0]!.writes;
  await until(() => a.controllers.length === 2, "the second term");
  expect(a.controllers[0]!.writes).toBe(written);
  expect(lease()?.spec?.holderIdentity).toBe("a");
  expect(lease()?.spec?.leaseTransitions).toBeGreaterThan(1);
});

test("the controller gets what the flags say; every request is counted, and logged with --verbose", async () => {
  const a = start("a", { verbose: true });
  await until(() => (a.controllers[0]?.writes ?? 0) > 0);
  expect(a.deps[0]?.settings.watchNamespaces).toEqual(["data"]);
  const { text } = await get(await a.url("metrics", "/metrics"));
  expect(text).toMatch(
    /spiceai_operator_reconcile_total\{controller="spicepodcluster",result="done",region="eu"\} \d/,
  );
  expect(text).toMatch(
    /spiceai_operator_api_requests_total\{verb="patch",resource="configmaps",code="201",region="eu"\} 1/,
  );
  expect(a.lines).toContainEqual(
    expect.objectContaining({ message: "API request", method: "PATCH", code: 201 }),
  );
});

describe("the webhook", () => {
  test("is served with a certificate that the configuration trusts; ready comes after it", async () => {
    let held = true;
    api.fault = ({ path }) => (held && path.includes("/secrets") ? { code: 500 } : undefined);
    const a = start("a", { webhookAddress: any, leaderElect: false });
    const ready = await a.url("health", "/ready");
    // Who works without an election leads.
    expect((await get(await a.url("metrics", "/metrics"))).text).toContain(
      'spiceai_operator_leader{region="eu"} 1',
    );
    expect(await get(ready)).toEqual({ code: 503, text: "the webhook has no certificate yet\n" });
    held = false;
    await until(async () => (await get(ready)).code === 200, "ready");
    const configuration = () =>
      api.store.get("admissionregistration.k8s.io/validatingwebhookconfigurations", "spiceai-operator.ops") as
        | (KubeObject & { webhooks: { clientConfig: { caBundle?: string } }[] })
        | undefined;
    await until(() => configuration()?.webhooks[0]?.clientConfig.caBundle !== undefined);
    const ca = readBundle(
      Buffer.from(configuration()!.webhooks[0]!.clientConfig.caBundle!, "base64").toString(),
    );
    const port = a.lines.find(({ message }) => message === "serving the webhook")?.["port"] as number;
    const code = await new Promise((resolve, reject) => {
      const servername = "spiceai-operator-webhook.ops.svc";
      https
        .get({ host: "127.0.0.1", port, ca: [...ca], servername, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
        .on("error", reject);
    });
    expect(code).toBe(404);
    const { text } = await get(await a.url("metrics", "/metrics"));
    expect(text).toContain('spiceai_operator_admission_reviews_total{result="refused",region="eu"} 0');
  });

  test("that cannot be served ends the process", async () => {
    const taken = start("a", { healthAddress: any, leaderElect: false });
    const port = Number(new URL(await taken.url("health", "/")).port);
    const b = start("b", { webhookAddress: { host: "127.0.0.1", port } });
    await expect(b.ended).rejects.toThrow(/EADDRINUSE/);
    expect(lease()?.spec?.holderIdentity ?? "").not.toBe("b");
  });
});

test("a controller that fails ends the process with its error, and the Lease is free", async () => {
  const a = start("a", {}, () => {
    throw new Error("no such kind");
  });
  await expect(a.ended).rejects.toThrow("no such kind");
  expect(lease()?.spec?.holderIdentity).toBe("");
});

test("a controller that does not stop ends the process", async () => {
  const a = start("a", {}, (() => ({ synced: true, run: () => new Promise(() => {}) })) as never);
  await until(() => lease()?.spec?.holderIdentity === "a");
  a.stop();
  await expect(a.ended).rejects.toThrow("the controller did not end within 5 s after its term");
});
