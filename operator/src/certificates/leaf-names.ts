import type { LeafNames } from "@spice-shards/certificates";
import { names } from "../api/names.ts";

interface Place {
  readonly cluster: string;
  readonly namespace: string;
  readonly clusterDomain: string;
}

/**
 * Names of the schedulers' shared leaf: the service names and the role (spec chapter 09). Peers check the role and not
 * the address, so the certificate needs no addresses of pods.
 */
export function schedulerNames({ cluster, namespace, clusterDomain }: Place): LeafNames {
  const services = [names.workload(cluster, "scheduler"), names.service(cluster)];
  return {
    commonName: names.workload(cluster, "scheduler"),
    hosts: [
      ...services.flatMap((service) => serviceNames(service, namespace, clusterDomain)),
      `scheduler.${cluster}.${namespace}`,
    ],
    uris: [`spiffe://${namespace}/${cluster}/scheduler`],
  };
}

/** Names of one executor's leaf; the first is the one that it advertises. */
export function executorNames({ cluster, namespace, clusterDomain }: Place, index: number): LeafNames {
  const service = names.workload(cluster, "executor");
  const pod = `${names.executor(cluster, index)}-0`;
  return {
    commonName: names.executor(cluster, index),
    hosts: [
      ...serviceNames(`${pod}.${service}`, namespace, clusterDomain),
      `executor.${cluster}.${namespace}`,
    ],
    uris: [`spiffe://${namespace}/${cluster}/executor/${index}`],
  };
}

/** Names of the operator's own short-lived leaf, with which it asks schedulers. */
export function operatorNames({ cluster, namespace }: Place): LeafNames {
  return {
    commonName: "spice-operator",
    hosts: [`operator.${cluster}.${namespace}`],
    uris: [`spiffe://${namespace}/${cluster}/operator`],
  };
}

function serviceNames(service: string, namespace: string, domain: string): readonly string[] {
  return [`${service}.${namespace}.svc.${domain}`, `${service}.${namespace}.svc`];
}

/** The names as a certificate's text has them, to compare with what was issued. */
export function alternativeNamesText({ hosts, uris = [] }: LeafNames): string {
  return [...hosts.map((host) => `DNS:${host}`), ...uris.map((uri) => `URI:${uri}`)].join(", ");
}
