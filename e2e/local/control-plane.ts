import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Component } from "../../kube/test/support/component.ts";
import { kubeconfigText } from "../../kube/test/support/kubeconfig.ts";
import { makePki, type Pki } from "../../kube/test/support/pki.ts";
import { runTool } from "../../kube/test/support/run-tool.ts";
import { eventually } from "../../kube/test/support/wait.ts";
import { addresses, type NodePlace } from "./layout.ts";

const kubeletClient = "kube-apiserver-kubelet-client";
const users = {
  controllers: "system:kube-controller-manager",
  scheduler: "system:kube-scheduler",
  proxy: "system:kube-proxy",
  names: "system:serviceaccount:kube-system:coredns",
} as const;

/** The processes of a control plane, in the network that this process has. */
export class ControlPlane {
  readonly pki: Pki;
  readonly #dir: string;
  readonly #bin: string;
  readonly #kubectl: string;
  readonly #components: Component[] = [];

  private constructor(dir: string, pki: Pki, tools: { bin: string; kubectl: string }) {
    this.#dir = dir;
    this.pki = pki;
    this.#bin = tools.bin;
    this.#kubectl = tools.kubectl;
  }

  /** Starts etcd, the API server, the controllers, the scheduler, DNS and the provisioner of volumes. */
  static async start(
    dir: string,
    nodes: readonly NodePlace[],
    tools: { bin: string; kubectl: string },
  ): Promise<ControlPlane> {
    const hosts = [
      ...[addresses.controlPlane, "127.0.0.1", addresses.apiService, "localhost"],
      ...["kubernetes", "kubernetes.default", "kubernetes.default.svc"],
      "kubernetes.default.svc.cluster.local",
    ];
    const names = [...Object.values(users).map((name) => ({ name })), ...nodes.map(nodeUser)];
    const pki = await makePki(dir, [{ name: "admin", groups: ["system:masters"] }, ...names], hosts);
    const plane = new ControlPlane(dir, pki, tools);
    await plane.#startServer();
    plane.#startControllers();
    await plane.#startNames();
    plane.#start("volume-provisioner", [
      ...["--kubeconfig", plane.kubeconfig("admin"), "--root", join(dir, "volumes")],
    ]);
    return plane;
  }

  get components(): readonly Component[] {
    return this.#components;
  }

  /** The path of one of Kubernetes' programs. */
  program(name: string): string {
    return join(this.#bin, name);
  }

  /** The file of a user's kubeconfig; `server` is another address than the control plane's own. */
  kubeconfig(user: string, server = `https://${addresses.controlPlane}:${addresses.apiPort}`): string {
    const file = join(this.#dir, `${user.replaceAll(":", "-")}.kubeconfig`);
    const token = this.pki.tokens.get(user) ?? "";
    writeFileSync(file, kubeconfigText({ server, ca: this.pki.ca, token }), { mode: 0o600 });
    return file;
  }

  kubectl(args: readonly string[], stdin?: string): Promise<string> {
    const env = { KUBECONFIG: this.kubeconfig("admin"), HOME: this.#dir };
    return runTool(this.#kubectl, args, { env, ...(stdin === undefined ? {} : { stdin }) });
  }

  apply(...objects: readonly object[]): Promise<string> {
    return this.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
    );
  }

  #start(name: string, flags: readonly string[]): void {
    this.#components.push(new Component(name, this.program(name), flags, this.#dir));
  }

  async #startServer(): Promise<void> {
    const { files } = this.pki;
    const kubelet = await this.pki.issue([kubeletClient]);
    const write = (name: string, text: string) => {
      writeFileSync(join(this.#dir, name), text, { mode: 0o600 });
      return join(this.#dir, name);
    };
    const etcd = "http://127.0.0.1:2379";
    const peer = "http://127.0.0.1:2380";
    this.#start("etcd", [
      ...["--data-dir", join(this.#dir, "etcd"), "--unsafe-no-fsync", "--log-level", "warn"],
      ...["--listen-client-urls", etcd, "--advertise-client-urls", etcd],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", `default=${peer}`],
    ]);
    this.#start("kube-apiserver", [
      ...["--etcd-servers", etcd, "--bind-address", addresses.controlPlane],
      ...["--advertise-address", addresses.controlPlane, "--secure-port", String(addresses.apiPort)],
      ...["--tls-cert-file", files.server, "--tls-private-key-file", files.serverKey],
      ...["--client-ca-file", files.ca, "--token-auth-file", files.tokens],
      ...["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"],
      ...["--kubelet-client-certificate", write("kubelet-client.crt", kubelet.certificate)],
      ...["--kubelet-client-key", write("kubelet-client.key", kubelet.key)],
      "--kubelet-preferred-address-types=InternalIP",
      // No kube-proxy is here: webhooks are called at their pods' addresses, which the nodes' routes lead to.
      "--enable-aggregator-routing",
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      ...["--service-account-key-file", files.accountPublicKey],
      ...["--service-account-signing-key-file", files.accountKey],
      ...[`--service-cluster-ip-range=${addresses.services}`, "--allow-privileged", "--profiling=false"],
    ]);
    await eventually("the API server to be ready", () => this.kubectl(["get", "--raw", "/readyz"]), {
      timeoutMs: 120_000,
      everyMs: 250,
    });
    const bind = (role: string, name: string) => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: `local:${name}` },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name }],
    });
    const storageClass = (name: string, volumeBindingMode: string, annotations: Record<string, string>) => ({
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name, annotations },
      provisioner: "testbed/directory",
      reclaimPolicy: "Delete",
      allowVolumeExpansion: true,
      volumeBindingMode,
    });
    await this.apply(
      bind("system:kubelet-api-admin", kubeletClient),
      bind("system:node-proxier", users.proxy),
      storageClass("standard", "Immediate", { "storageclass.kubernetes.io/is-default-class": "true" }),
      storageClass("local", "WaitForFirstConsumer", {}),
    );
  }

  #startControllers(): void {
    const { files } = this.pki;
    this.#start("kube-controller-manager", [
      ...["--kubeconfig", this.kubeconfig(users.controllers), "--leader-elect=false", "--profiling=false"],
      ...["--use-service-account-credentials", "--service-account-private-key-file", files.accountKey],
      ...["--root-ca-file", files.ca, "--cluster-name", "local", "--bind-address=127.0.0.1"],
      ...["--cluster-signing-cert-file", files.ca, "--cluster-signing-key-file", files.caKey],
      ...["--node-monitor-grace-period=40s", "--concurrent-gc-syncs=5"],
    ]);
    const scheduler = this.kubeconfig(users.scheduler);
    this.#start("kube-scheduler", [
      ...["--kubeconfig", scheduler, "--authentication-kubeconfig", scheduler, "--profiling=false"],
      ...["--authorization-kubeconfig", scheduler, "--leader-elect=false", "--bind-address=127.0.0.1"],
      // Under load it can miss that a claim was bound, and would look at the pod again after five minutes.
      "--pod-max-in-unschedulable-pods-duration=10s",
    ]);
  }

  /** CoreDNS is a process beside the nodes, so that a drained node does not take it along. */
  async #startNames(): Promise<void> {
    const rules = [
      { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs: ["list", "watch"] },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    ];
    const rbac = "rbac.authorization.k8s.io";
    const inSystem = { namespace: "kube-system" };
    await this.apply(
      { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name: "local:names" }, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: "ClusterRoleBinding",
        metadata: { name: "local:names" },
        roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "local:names" },
        subjects: [{ apiGroup: rbac, kind: "User", name: users.names }],
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "kube-dns", ...inSystem },
        spec: {
          clusterIP: addresses.dns,
          ports: ["UDP", "TCP"].map((protocol) => ({
            name: `dns-${protocol.toLowerCase()}`,
            protocol,
            port: 53,
          })),
        },
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          name: "kube-dns-local",
          ...inSystem,
          labels: { "kubernetes.io/service-name": "kube-dns" },
        },
        addressType: "IPv4",
        ports: ["UDP", "TCP"].map((protocol) => ({
          name: `dns-${protocol.toLowerCase()}`,
          protocol,
          port: 53,
        })),
        endpoints: [{ addresses: [addresses.controlPlane], conditions: { ready: true } }],
      },
    );
    const corefile = join(this.#dir, "Corefile");
    writeFileSync(
      corefile,
      `.:53 {
  bind ${addresses.controlPlane}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${this.kubeconfig(users.names)}
    pods insecure
    ttl 1
  }
  template ANY ANY {
    rcode NXDOMAIN
  }
  cache 1
}
`,
    );
    this.#start("coredns", ["-conf", corefile]);
  }
}

/** The user of a node's kubelet. */
export function nodeUser({ name }: NodePlace): { name: string; groups: readonly string[] } {
  return { name: `system:node:${name}`, groups: ["system:nodes"] };
}

/** The user of kube-proxy. */
export const proxyUser = users.proxy;
