import { join } from "node:path";

/** Addresses of a local cluster; they exist only inside its own network namespaces. */
export const addresses = {
  /** Of the control plane, which is also the switch between nodes. */
  controlPlane: "198.18.0.10",
  apiPort: 6443,
  services: "10.96.0.0/16",
  apiService: "10.96.0.1",
  dns: "10.96.0.10",
  pods: "10.244.0.0/16",
} as const;

export const sandboxImage = "localhost/sandbox:1";

/** One node of a local cluster. */
export interface NodePlace {
  /** `a`, `b`, …: also its network namespace and its zone. */
  readonly zone: string;
  /** `node-a`. */
  readonly name: string;
  readonly address: string;
  readonly podNetwork: string;
  readonly dir: string;
  /** Its own root in every hierarchy: two kubelets below one would remove each other's pods. */
  readonly cgroup: string;
  readonly socket: string;
}

/** Places of the nodes of the cluster in `dir`, whose `id` makes its cgroups unique on the machine. */
export function nodePlaces(dir: string, id: string, count: number): readonly NodePlace[] {
  return Array.from({ length: count }, (_, index) => {
    const zone = String.fromCharCode("a".charCodeAt(0) + index);
    return {
      zone,
      name: `node-${zone}`,
      address: `198.18.0.${11 + index}`,
      podNetwork: `10.244.${index + 1}.0/24`,
      dir: join(dir, zone),
      cgroup: `/spice-${id}-${zone}`,
      socket: join(dir, zone, "containerd.sock"),
    };
  });
}

/** Files by which the two sides of a cluster's boundary meet. */
export function meetingPlaces(dir: string) {
  return {
    /** Passes connections on to the API server. */
    api: join(dir, "api.sock"),
    /** Takes orders: HTTP. */
    control: join(dir, "control.sock"),
    kubeconfig: join(dir, "kubeconfig"),
    state: join(dir, "state.json"),
    log: join(dir, "log"),
  };
}
