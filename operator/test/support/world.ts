import {
  Applier,
  Client,
  Discovery,
  type EventNote,
  type KubeObject,
  type Transport,
} from "@spice-shards/kube";
import {
  FakeApiServer,
  type SeenRequest,
  seededRandom,
  settle,
  VirtualClock,
} from "@spice-shards/kube/testing";
import { parse } from "yaml";
import type { Condition, SpicepodClusterStatus } from "../../src/api/status.ts";
import { silentLog } from "../../src/log.ts";
import { Caches } from "../../src/reconcile/cache/caches.ts";
import type { ClusterObject } from "../../src/reconcile/objects.ts";
import { applierOptions, type Reconciled, Reconciler } from "../../src/reconcile/reconciler.ts";
import { SecretStore } from "../../src/reconcile/secret-store.ts";
import { defaultSettings, type OperatorSettings } from "../../src/reconcile/settings.ts";
import { StateLocations } from "../../src/reconcile/state-locations.ts";
import type { JsonObject } from "../../src/schema/schema.ts";
import { type CertificateObject, type CertificateStore, CertManagerDouble } from "./cert-manager-double.ts";
import { FakeAdmin } from "./fake-admin.ts";
import { KubeControllers } from "./kube-controllers.ts";

export const clusters = "spice.ai/spicepodclusters";
export const key = "data/sales";

export const spec = `
schedulerSpec:
  replicas: 2
  spicepod:
    version: v1
    kind: Spicepod
    name: sales
    runtime: { scheduler: { state_location: "s3://bucket/sales" } }
    datasets:
      - from: s3://bucket/events/
        name: events
        params: { file_format: parquet }
        acceleration: { enabled: true, engine: duckdb, mode: file, partition_by: ["bucket(6, id)"] }
executorSpec: { replicas: 2 }
`;

export function specOf(text = spec): JsonObject {
  return parse(text) as JsonObject;
}

export const certificates = "cert-manager.io/certificates";

function certificatesIn({ store }: FakeApiServer, nowMs: () => number): CertificateStore {
  return {
    certificates: async () => store.list(certificates) as CertificateObject[],
    secret: async (namespace, name) => store.get("/secrets", `${namespace}/${name}`),
    putSecret: async (secret) => void store.put("/secrets", secret),
    setStatus: async (certificate, status) => {
      const creationTimestamp = certificate.metadata.creationTimestamp ?? new Date(nowMs()).toISOString();
      const metadata = { ...certificate.metadata, creationTimestamp };
      store.put(certificates, { ...certificate, metadata, status } as KubeObject);
    },
  };
}

/** One operator process: its caches and memory end with {@link stop}. */
export class Operator {
  readonly caches: Caches;
  readonly reconciler: Reconciler;
  readonly events: EventNote[] = [];
  readonly logged: string[] = [];
  /** Why pods were deleted. */
  readonly restarts: string[] = [];
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  constructor(world: World, settings: Partial<OperatorSettings> = {}) {
    const { clock, client } = world;
    const all = { ...defaultSettings, ...settings };
    const say = (message: string, fields: object = {}) =>
      this.logged.push(`${message} ${JSON.stringify(fields)}`);
    const random = seededRandom(1);
    const discovery = new Discovery({ client, clock });
    this.caches = new Caches({
      client,
      discovery,
      clock,
      random,
      settings: all,
      onCluster: () => {},
      onError: (error) => say(String(error)),
    });
    this.reconciler = new Reconciler({
      client,
      clock,
      dialer: world.admin,
      applier: new Applier({ client, ...applierOptions }),
      secrets: new SecretStore(client),
      caches: this.caches,
      discovery,
      random,
      log: { ...silentLog, info: say, warn: say, error: say },
      metrics: { restarted: (reason) => this.restarts.push(reason) },
      events: { record: (_: KubeObject, event) => this.events.push(event) },
      settings: all,
      stateLocations: new StateLocations(),
    });
    this.#running = this.caches.run(this.#end.signal);
  }

  reconcile(which = key): Promise<Reconciled> {
    return this.reconciler.reconcile(which, this.#end.signal);
  }

  /** The process dies: what it was doing ends with an error. */
  async stop(): Promise<void> {
    this.#end.abort(new Error("the operator died"));
    this.reconciler.close();
    await this.#running;
  }
}

/** An API server, what runs behind it, and an operator that can die. */
export class World {
  readonly clock = new VirtualClock();
  readonly api = new FakeApiServer();
  readonly client: Client;
  readonly admin: FakeAdmin;
  readonly kube: KubeControllers;
  readonly certManager: CertManagerDouble;
  operator: Operator;
  /** Nodes load what the kubelet gives them at once. */
  loads = true;
  #created = 0;
  #crash: { left: number; readonly when: "before" | "after"; readonly of: "writes" | "requests" } | undefined;
  #isDead = false;

  constructor(settings: Partial<OperatorSettings> = {}) {
    const { clock, api } = this;
    this.client = new Client({ transport: this.#mortal(), clock, random: seededRandom(7) });
    this.admin = new FakeAdmin(api.store);
    this.kube = new KubeControllers(api.store, () => clock.wallMs());
    this.certManager = new CertManagerDouble(
      certificatesIn(api, () => clock.wallMs()),
      () => clock.wallMs(),
    );
    this.operator = new Operator(this, settings);
  }

  /** Whether the operator died of {@link crashAt}. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** The operator dies at its n-th write or request from now on (0: the next), before the server has it or after. */
  crashAt(n: number, when: "before" | "after", of: "writes" | "requests" = "writes"): void {
    this.#crash = { left: n, when, of };
  }

  /** The operator dies, and another takes over. */
  async restart(settings: Partial<OperatorSettings> = {}): Promise<void> {
    await this.operator.stop();
    this.#isDead = false;
    this.#crash = undefined;
    this.operator = new Operator(this, settings);
    await this.flush();
  }

  async stop(): Promise<void> {
    await this.operator.stop();
  }

  /** The API server knows the kinds of cert-manager from now on. */
  installCertManager(): void {
    const resources = [{ name: "certificates", kind: "Certificate", namespaced: true, verbs: ["get"] }];
    this.api.paths.set("/apis/cert-manager.io/v1", { resources });
  }

  create(body: JsonObject, metadata: object = {}): void {
    const { name = "sales", namespace = "data" } = metadata as { name?: string; namespace?: string };
    const creationTimestamp = new Date(this.clock.wallMs() + this.#created++ * 1000).toISOString();
    const cluster = {
      apiVersion: "spice.ai/v2",
      kind: "SpicepodCluster",
      metadata: { generation: 1, creationTimestamp, ...metadata, name, namespace },
      spec: body,
    };
    this.api.store.put(clusters, cluster);
  }

  /** Someone changes the resource. */
  edit(change: (cluster: ClusterObject) => object, which = key): void {
    const present = this.get<ClusterObject>(clusters, which);
    const next = { ...present, ...change(present) } as ClusterObject;
    const changed = JSON.stringify(next.spec) !== JSON.stringify(present.spec);
    const generation = (present.metadata.generation ?? 1) + (changed ? 1 : 0);
    this.api.store.put(clusters, { ...next, metadata: { ...next.metadata, generation } });
  }

  get<T extends KubeObject = KubeObject>(collection: string, name: string): T {
    const found = this.api.store.get(collection, name);
    if (found === undefined) throw new Error(`there is no ${collection} ${name}`);
    return found as T;
  }

  status(which = key): SpicepodClusterStatus {
    return this.get<ClusterObject>(clusters, which).status ?? {};
  }

  condition(type: string, which = key): Condition | undefined {
    return this.status(which).conditions?.find((condition) => condition.type === type);
  }

  /** Requests that write, of those from `from` on. */
  writes(from = 0): readonly SeenRequest[] {
    return this.api.requests.slice(from).filter(({ method }) => method !== "GET");
  }

  /** Lets watches catch up. */
  async flush(): Promise<void> {
    for (let quiet = 0, before = -1; quiet < 4; ) {
      await settle();
      const now = this.api.requests.length + this.api.store.revision;
      quiet = now === before ? quiet + 1 : 0;
      before = now;
    }
  }

  /** Rounds as in {@link rest}; each time that the operator has died, another takes over. */
  async restWithCrashes(which = key): Promise<void> {
    for (let i = 0; i < 20; i++) {
      try {
        await this.rest(which);
        if (!this.#isDead) return;
      } catch (error) {
        if (!this.#isDead) throw error;
      }
      await this.restart();
    }
    throw new Error("the operator dies again and again");
  }

  /** A connection that ends when its operator dies. */
  #mortal(): Pick<Transport, "request" | "invalidateCredentials"> {
    const inner = this.api.transport();
    const died = () => {
      this.#isDead = true;
      return new Error("the operator died");
    };
    return {
      ...inner,
      request: async (request) => {
        const isWatch = request.path.includes("watch=true");
        if (this.#isDead && !isWatch) throw died();
        const crash = this.#crash;
        const counts =
          crash !== undefined &&
          !isWatch &&
          !request.path.includes("limit=") &&
          (crash.of === "requests" || request.method !== "GET");
        if (!counts) return await inner.request(request);
        crash.left -= 1;
        if (crash.left < 0 && crash.when === "before") throw died();
        const response = await inner.request(request);
        if (crash.left < 0) throw died();
        return response;
      },
    };
  }

  /** One round: the cluster's controllers, the kubelets, then the operator. */
  async round(which = key): Promise<Reconciled> {
    this.kube.play();
    await this.certManager.play();
    if (this.loads) this.admin.load();
    await this.flush();
    const done = await this.operator.reconcile(which);
    await this.flush();
    return done;
  }

  /** Rounds until one changes nothing. @throws Error when that never comes. */
  async rest(which = key, rounds = 80): Promise<Reconciled> {
    for (let i = 0; i < rounds; i++) {
      const before = this.api.store.revision;
      const done = await this.round(which);
      if (this.#isDead) throw new Error("the operator died");
      if (this.api.store.revision === before && done.outcome.kind !== "backoff") {
        // What passes by time only: a drain, a rotation.
        await this.clock.advance(3_000);
        const again = this.api.store.revision;
        const last = await this.round(which);
        if (this.api.store.revision === again) return last;
      }
      await this.clock.advance(1_000);
    }
    throw new Error(
      `no rest: ${JSON.stringify(this.status(which).conditions)}\n${this.operator.logged.slice(-8).join("\n")}`,
    );
  }
}
