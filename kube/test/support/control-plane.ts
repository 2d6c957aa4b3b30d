import { request } from "node:https";
import { join } from "node:path";
import { Component } from "./component.ts";
import { drawPorts } from "./draw.ts";
import type { Pki } from "./pki.ts";
import { eventually } from "./wait.ts";

interface Settings {
  readonly dir: string;
  readonly pki: Pki;
  readonly serviceNetwork: string;
  /** More flags of the API server. */
  readonly flags: readonly string[];
}

/** Nodes of tests are objects without a kubelet, and addresses of loopback are refused in endpoints. */
const withoutNodes = [
  ...["node-lifecycle-controller", "pod-garbage-collector-controller", "node-ipam-controller"],
  ...["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"],
  ...["cloud-node-lifecycle-controller", "node-route-controller", "service-lb-controller"],
];

/** The processes of a control plane: etcd, the API server, the controller manager. */
export class ControlPlane {
  readonly dir: string;
  readonly etcdUrl: string;
  readonly url: string;
  readonly #settings: Settings;
  readonly #ports: { readonly client: number; readonly peer: number; readonly api: number };
  #etcd: Component;
  #server: Component;
  #controllers: Component | undefined;
  #volumes: Component | undefined;

  private constructor(settings: Settings, [client = 0, peer = 0, api = 0]: number[]) {
    this.#settings = settings;
    this.dir = settings.dir;
    this.#ports = { client, peer, api };
    this.etcdUrl = `http://127.0.0.1:${client}`;
    this.url = `https://127.0.0.1:${api}`;
    this.#etcd = this.#start("etcd", this.#etcdFlags());
    // It waits for etcd by itself.
    this.#server = this.#start("kube-apiserver", this.#serverFlags());
  }

  /** Starts etcd and the API server, on other ports when another process was faster. */
  static async start(settings: Settings): Promise<ControlPlane> {
    for (let attempt = 1; ; attempt += 1) {
      const plane = new ControlPlane(settings, await drawPorts(3));
      try {
        await plane.#ready();
        return plane;
      } catch (error) {
        const taken = plane.components.some((c) => /address already in use/.test(c.log()));
        await plane.stop();
        if (!taken || attempt === 3) throw error;
      }
    }
  }

  get hasControllers(): boolean {
    return this.#controllers !== undefined;
  }

  get components(): readonly Component[] {
    const all = [this.#etcd, this.#server, this.#controllers, this.#volumes];
    return all.filter((component) => component !== undefined);
  }

  startControllers(kubeconfig: string): void {
    const { files } = this.#settings.pki;
    this.#controllers = this.#start("kube-controller-manager", [
      ...["--kubeconfig", kubeconfig, "--leader-elect=false", "--secure-port=0", "--profiling=false"],
      ...["--use-service-account-credentials", "--service-account-private-key-file", files.accountKey],
      ...["--root-ca-file", files.ca, "--cluster-name", "test"],
      ...["--kube-api-qps=400", "--kube-api-burst=800", "--concurrent-gc-syncs=5"],
      `--controllers=*,${withoutNodes.map((name) => `-${name}`).join(",")}`,
    ]);
  }

  /** Gives claims of the provisioner `testbed/directory` directories as volumes. */
  startVolumes(kubeconfig: string): void {
    const flags = ["--kubeconfig", kubeconfig, "--root", join(this.dir, "volumes")];
    this.#volumes = this.#start("volume-provisioner", flags);
  }

  async stopServer(): Promise<void> {
    await this.#server.stop(0);
  }

  async startServer(): Promise<void> {
    this.#server = this.#start("kube-apiserver", this.#serverFlags());
    await this.#ready();
  }

  async stop(): Promise<void> {
    // Nothing of it is kept, so nothing is asked to end in good order.
    await Promise.all(this.components.map((component) => component.stop(0)));
  }

  #start(name: string, flags: readonly string[]): Component {
    const bin = process.env["TEST_KUBERNETES_BIN"];
    if (bin === undefined) throw new Error("TEST_KUBERNETES_BIN is not set; run: make test TIER=kube");
    return new Component(name, join(bin, name), flags, this.dir);
  }

  #etcdFlags(): string[] {
    const peer = `http://127.0.0.1:${this.#ports.peer}`;
    return [
      ...["--data-dir", join(this.dir, "etcd"), "--unsafe-no-fsync", "--log-level", "warn"],
      ...["--listen-client-urls", this.etcdUrl, "--advertise-client-urls", this.etcdUrl],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", `default=${peer}`],
    ];
  }

  #serverFlags(): string[] {
    const { pki, serviceNetwork, flags } = this.#settings;
    const { files } = pki;
    return [
      ...["--etcd-servers", this.etcdUrl, "--bind-address", "127.0.0.1"],
      ...["--advertise-address", "127.0.0.1", "--secure-port", String(this.#ports.api)],
      // An address of loopback cannot be an endpoint.
      "--endpoint-reconciler-type=none",
      ...["--tls-cert-file", files.server, "--tls-private-key-file", files.serverKey],
      ...["--client-ca-file", files.ca, "--token-auth-file", files.tokens],
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      ...["--service-account-key-file", files.accountPublicKey],
      ...["--service-account-signing-key-file", files.accountKey],
      `--service-cluster-ip-range=${serviceNetwork}.0.0/16`,
      "--profiling=false",
      ...flags,
    ];
  }

  async #ready(): Promise<void> {
    await eventually(
      "the API server to be ready",
      async () => {
        const dead = this.components.find((component) => !component.alive);
        if (dead !== undefined) return "dead";
        return (await this.#status("/readyz")) === 200 && "ready";
      },
      { timeoutMs: 120_000 },
    ).then((state) => {
      if (state === "ready") return;
      const dead = this.components.find((component) => !component.alive);
      throw new Error(`${dead?.name} has ended:\n${dead?.tail()}`);
    });
  }

  #status(path: string): Promise<number> {
    const { ca, tokens } = this.#settings.pki;
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${tokens.get("admin")}` };
      const probe = request(
        `${this.url}${path}`,
        { ca, headers, agent: false, timeout: 2000 },
        (response) => {
          response.resume().once("end", () => resolve(response.statusCode ?? 0));
        },
      );
      probe.once("timeout", () => probe.destroy(new Error("no answer within 2 s")));
      probe.once("error", reject).end();
    });
  }
}
