import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transport } from "../../src/client/transport.ts";
import { Client, type ClientOptions, type KubeObject, systemClock, systemRandom } from "../../src/index.ts";
import { Audit } from "./audit.ts";
import type { Component } from "./component.ts";
import { ControlPlane } from "./control-plane.ts";
import { drawNetwork } from "./draw.ts";
import { compactEtcd } from "./etcd.ts";
import { kubeconfigText } from "./kubeconfig.ts";
import { makePki, type Pki, type TestUser } from "./pki.ts";
import { runTool } from "./run-tool.ts";
import * as types from "./types.ts";
import { eventually } from "./wait.ts";

export interface ApiServerOptions {
  /** CustomResourceDefinitions that are there before the controllers start, which look for new kinds seldom. */
  readonly crds?: readonly KubeObject[];
  /** Users besides `admin`, who may do everything. */
  readonly users?: readonly TestUser[];
  /** Whether Kubernetes' own controllers run (workloads, garbage collection, accounts). Default true. */
  readonly controllers?: boolean;
}

const builtIn: readonly TestUser[] = [
  { name: "admin", groups: ["system:masters"] },
  { name: "system:kube-controller-manager" },
];

/** How to reach the server: as whom, and by way of what. */
export interface Access {
  /** A user of {@link ApiServerOptions.users}. Default `admin`. */
  readonly user?: string;
  /** A token instead of a user's, such as a service account's. */
  readonly token?: string;
  /** Another address, such as a proxy's. */
  readonly server?: string;
  readonly namespace?: string;
}

/**
 * A real API server with etcd and, unless told otherwise, the controller manager, on drawn ports of loopback in a
 * temporary directory. There is no kubelet: pods are objects that a test makes ready. Services get addresses of
 * loopback, so what listens there is reached as in a cluster.
 *
 * `stop` belongs into `afterAll`; a start that fails has stopped everything already.
 */
export class ApiServer {
  readonly dir: string;
  readonly audit: Audit;
  readonly pki: Pki;
  /** The first two bytes of all service addresses. */
  readonly serviceNetwork: string;
  readonly #plane: ControlPlane;
  readonly #transports = new Set<Transport>();
  #files = 0;

  private constructor(plane: ControlPlane, parts: { audit: Audit; pki: Pki; serviceNetwork: string }) {
    this.#plane = plane;
    this.dir = plane.dir;
    this.audit = parts.audit;
    this.pki = parts.pki;
    this.serviceNetwork = parts.serviceNetwork;
  }

  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const dir = mkdtempSync(join(tmpdir(), "kube-"));
    let plane: ControlPlane | undefined;
    try {
      const serviceNetwork = drawNetwork();
      const hosts = ["127.0.0.1", "localhost", "kubernetes.default.svc", `${serviceNetwork}.0.1`];
      const pki = await makePki(dir, [...builtIn, ...(options.users ?? [])], hosts);
      const audit = new Audit(dir);
      plane = await ControlPlane.start({ dir, pki, serviceNetwork, flags: audit.flags });
      const server = new ApiServer(plane, { audit, pki, serviceNetwork });
      for (const crd of options.crds ?? []) await server.install(crd);
      if (options.controllers ?? true) await server.#startControllers();
      return server;
    } catch (error) {
      await plane?.stop();
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** `https://127.0.0.1:PORT`. */
  get url(): string {
    return this.#plane.url;
  }

  /** Processes that run, with their resident memory for figures. */
  get components(): readonly Component[] {
    return this.#plane.components;
  }

  /** A client with connections of its own, closed with the server. */
  client(access: Access = {}, options: Partial<ClientOptions> = {}): Client {
    return new Client({
      transport: this.transport(access),
      clock: systemClock,
      random: systemRandom,
      ...options,
    });
  }

  /** Connections of a user, closed with the server. */
  transport(access: Access = {}): Transport {
    const material = {
      headers: { authorization: `Bearer ${this.#token(access)}` },
      tls: { ca: this.pki.ca },
    };
    const transport = new Transport({
      server: new URL(access.server ?? this.url),
      credentials: { current: async () => material, invalidate: () => {} },
    });
    this.#transports.add(transport);
    return transport;
  }

  /** The path of a kubeconfig. */
  kubeconfig(access: Access = {}): string {
    this.#files += 1;
    const file = join(this.dir, `kubeconfig-${this.#files}`);
    const { server = this.url, namespace = "default" } = access;
    const text = kubeconfigText({ server, ca: this.pki.ca, token: this.#token(access), namespace });
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  /** A token that the API server itself gives to pods of a service account. */
  async serviceAccountToken(namespace: string, name: string): Promise<string> {
    const args = ["create", "token", name, "--namespace", namespace, "--duration", "4h"];
    return (await this.kubectl(args)).trim();
  }

  /** Runs kubectl. @throws ToolError with what it wrote to its standard error. */
  kubectl(args: readonly string[], options: Access & { stdin?: string } = {}): Promise<string> {
    return this.#tool("TEST_KUBECTL", args, options);
  }

  /** Runs Helm. @throws ToolError with what it wrote to its standard error. */
  helm(args: readonly string[], options: Access & { stdin?: string } = {}): Promise<string> {
    return this.#tool("TEST_HELM", args, options);
  }

  /** A namespace of a test's own, with its default service account. */
  async namespace(prefix: string, labels: Record<string, string> = {}): Promise<string> {
    const client = this.client();
    const made = await client.create<KubeObject>(types.namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { generateName: `${prefix}-`, labels },
    });
    const name = made.metadata.name as string;
    if (this.#plane.hasControllers) {
      const account = { namespace: name, name: "default" };
      await eventually(`the default service account of ${name}`, () =>
        client.get(types.serviceAccounts, account),
      );
    }
    return name;
  }

  /** Installs a CustomResourceDefinition and waits until it is served. */
  async install(crd: KubeObject): Promise<void> {
    const client = this.client();
    await client.apply(types.crds, crd, { fieldManager: "test", force: true });
    const target = { name: crd.metadata.name ?? "" };
    await eventually(`${target.name} to be established`, async () => {
      const { status } = await client.get<KubeObject & { status?: types.Conditions }>(types.crds, target);
      return status?.conditions?.some((c) => c.type === "Established" && c.status === "True");
    });
  }

  /** Makes a default storage class `standard`, whose claims get volumes that can grow. */
  async provideVolumes(): Promise<void> {
    this.#plane.startVolumes(this.kubeconfig());
    await this.client().create<KubeObject & Record<string, unknown>>(types.storageClasses, {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: {
        name: "standard",
        annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
      },
      provisioner: "testbed/directory",
      reclaimPolicy: "Delete",
      volumeBindingMode: "Immediate",
      allowVolumeExpansion: true,
    });
  }

  /** Forgets etcd's history: what reads from an older version is told 410, once the API server asks etcd. */
  async compact(): Promise<void> {
    await compactEtcd(this.#plane.etcdUrl);
  }

  /** Ends the API server alone, as a crash would: in good order it waits for its watches longer than tests do. */
  async stopServer(): Promise<void> {
    await this.#plane.stopServer();
  }

  /** Starts the API server again on the same port, and waits until it is ready. */
  async startServer(): Promise<void> {
    await this.#plane.startServer();
  }

  /** Ends all processes and removes the directory. */
  async stop(): Promise<void> {
    for (const transport of this.#transports) transport.close();
    await this.#plane.stop();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async #startControllers(): Promise<void> {
    const config = this.kubeconfig({ user: "system:kube-controller-manager" });
    this.#plane.startControllers(config);
    const account = { namespace: "default", name: "default" };
    const client = this.client();
    await eventually("the controllers to work", () => client.get(types.serviceAccounts, account));
  }

  #token({ user = "admin", token }: Access): string {
    const found = token ?? this.pki.tokens.get(user);
    if (found === undefined) throw new RangeError(`there is no user ${user}: name it when the server starts`);
    return found;
  }

  async #tool(
    variable: string,
    args: readonly string[],
    { stdin, ...access }: Access & { stdin?: string },
  ): Promise<string> {
    const program = process.env[variable];
    if (program === undefined) throw new Error(`${variable} is not set; run: make test TIER=kube`);
    const env = {
      KUBECONFIG: this.kubeconfig(access),
      HOME: this.dir,
      HELM_CACHE_HOME: join(this.dir, "helm-cache"),
      HELM_CONFIG_HOME: join(this.dir, "helm-config"),
      HELM_DATA_HOME: join(this.dir, "helm-data"),
    };
    return await runTool(program, args, { env, ...(stdin === undefined ? {} : { stdin }) });
  }
}
