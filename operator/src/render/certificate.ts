import { label, names, type Role } from "../api/names.ts";
import { executorNames, operatorNames, schedulerNames } from "../certificates/leaf-names.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { labelsOf, metadataOf } from "./metadata.ts";

/** A leaf that a cluster needs, by the Secret that holds it. */
export interface Leaf {
  readonly name: string;
  /** Whose it is; the operator's own has none. */
  readonly role?: Role;
  readonly executor?: number;
  readonly names: ReturnType<typeof schedulerNames>;
}

/** The operator's leaf is short-lived, as it opens more than a node's. */
const operatorHours = 24;

/** The leaves of the schedulers and of these executors, and with an issuer that of the operator. */
export function leavesOf(
  { cluster: { metadata, spec }, clusterDomain }: RenderContext,
  executors: readonly number[],
): readonly Leaf[] {
  const { name, namespace } = metadata;
  const place = { cluster: name, namespace, clusterDomain };
  return [
    { name: names.schedulerSecret(name), role: "scheduler", names: schedulerNames(place) },
    ...executors.map((index) => ({
      name: names.executorSecret(name, index),
      role: "executor" as const,
      executor: index,
      names: executorNames(place, index),
    })),
    ...(spec.certificates.issuerRef === undefined
      ? []
      : [{ name: names.operatorSecret(name), names: operatorNames(place) }]),
  ];
}

/**
 * The cert-manager Certificate of a leaf; none without an issuer or mTLS. It fills a Secret of its own, from which the operator
 * makes the one that the node mounts: the node's trust bundle then changes with the phases of a rotation.
 */
export function renderCertificate(context: RenderContext, leaf: Leaf): readonly KubernetesObject[] {
  const { cluster } = context;
  const { issuerRef, leafValidity } = cluster.spec.certificates;
  if (issuerRef === undefined || cluster.spec.allowInsecureConnections) return [];
  const { name } = cluster.metadata;
  const hours = leaf.role === undefined ? operatorHours : Number(leafValidity.slice(0, -1)) * 24;
  const { commonName, hosts, uris = [] } = leaf.names;
  return [
    {
      apiVersion: "cert-manager.io/v1",
      kind: "Certificate",
      metadata: metadataOf(
        context,
        names.certificate(leaf.name),
        labelsOf(name, leaf.role, {}, leaf.executor),
      ),
      spec: {
        secretName: names.issuedSecret(leaf.name),
        secretTemplate: { labels: { [label.cluster]: name } },
        issuerRef,
        commonName,
        dnsNames: hosts,
        uris,
        usages: ["digital signature", "server auth", "client auth"],
        privateKey: { algorithm: "ECDSA", size: 256, encoding: "PKCS8", rotationPolicy: "Always" },
        duration: `${hours}h0m0s`,
        renewBefore: `${hours / 3}h0m0s`,
        revisionHistoryLimit: 1,
      },
    },
  ];
}
