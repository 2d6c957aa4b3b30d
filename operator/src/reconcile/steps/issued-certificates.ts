import type { KubeObject } from "@spice-shards/kube";
import { annotation, apiVersion, kind, label, names } from "../../api/names.ts";
import type { SpicepodCluster } from "../../api/spicepod-cluster.ts";
import {
  decodeIssued,
  type IssuedContent,
  newestRoot,
  observeIssued,
} from "../../certificates/issued-content.ts";
import { InvalidSecretError } from "../../certificates/secret-content.ts";
import type { Issuing } from "../../certificates/state.ts";
import { type Leaf, renderCertificate } from "../../render/certificate.ts";
import { types } from "../cache/resource-types.ts";
import type { ObjectCondition, SecretObject } from "../objects.ts";
import { requeue, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";

/** A Certificate of cert-manager, as far as the operator reads it. */
interface CertificateObject extends KubeObject {
  readonly status?: { readonly conditions?: readonly ObjectCondition[] };
}

/** What the issuer has made, by the Secret of the leaf for which it is meant. Never leaves the certificates' step. */
export interface LiveIssuing {
  readonly contents: Map<string, IssuedContent>;
  readonly missing: Map<string, string>;
  readonly young: Set<string>;
  /** Whether something else may be issued soon, so that it is worth a look. */
  isPending: boolean;
}

export const missingCertManager =
  "the API server knows no Certificate of cert-manager.io/v1. Install cert-manager, or name no issuer.";

/** How long an issuer may take before that is told as wrong. */
const youngMs = 120_000;
/** How often to look at what the issuer is about. */
export const issuerLookMs = 5_000;

/** The issuer as a text, to tell whether another was named. */
export function issuerOf({ spec }: SpicepodCluster): string | undefined {
  const { issuerRef, leafValidity } = spec.certificates;
  return issuerRef && `${issuerRef.group} ${issuerRef.kind} ${issuerRef.name} ${leafValidity}`;
}

/** Asks cert-manager for every leaf and reads what it has made; undefined when the resource names no issuer. */
export async function readIssued(
  pass: Pass,
  wanted: readonly Leaf[],
): Promise<LiveIssuing | StepOutcome | undefined> {
  const { deps, valid } = pass;
  const { issuerRef } = valid.cluster.spec.certificates;
  if (issuerRef === undefined) return undefined;
  if (!(await deps.discovery.serves(types.certificate))) {
    deps.discovery.invalidate();
    const message = `spec.certificates.issuerRef: ${missingCertManager}`;
    return requeue(issuerLookMs, "MissingCertManager", message);
  }
  const present = await certificatesOf(pass);
  const live: LiveIssuing = { contents: new Map(), missing: new Map(), young: new Set(), isPending: false };
  for (const leaf of wanted) {
    for (const object of renderCertificate(valid.context, leaf)) {
      const certificate = present.get(object.metadata.name);
      const { kind } = await pass.apply(object, { object: certificate });
      if (kind !== "unchanged" || !isReady(certificate)) live.isPending = true;
      const createdAt = Date.parse(certificate?.metadata.creationTimestamp ?? "");
      if (certificate === undefined || pass.nowMs - createdAt < youngMs) live.young.add(leaf.name);
    }
    const found = await readOne(pass, leaf);
    if (typeof found !== "string") live.contents.set(leaf.name, found);
    else live.missing.set(leaf.name, found === "" ? stateOf(present, leaf) : found);
  }
  return live;
}

/** The root that the issuer signs with, by its newest certificate. */
export function rootOf({ contents }: LiveIssuing): string | undefined {
  return newestRoot(contents.values());
}

/** What plans may know of it. */
export function observe({ contents, missing, young }: LiveIssuing): Issuing {
  const issued = new Map([...contents].map(([name, content]) => [name, observeIssued(content)]));
  return { issued, missing: new Map(missing), young: new Set(young) };
}

/** Has cert-manager issue again: it does when the Secret is gone, which no pod mounts. */
export async function askIssuer(pass: Pass, live: LiveIssuing, leafSecret: string): Promise<void> {
  await pass.deps.secrets.remove(pass.namespace, names.issuedSecret(leafSecret), pass.signal);
  live.contents.delete(leafSecret);
  live.missing.set(leafSecret, "the issuer has been asked for another");
}

/** Takes back what was asked of cert-manager for leaves that are not wanted any more. */
export async function pruneIssued(pass: Pass, wanted: readonly Leaf[]): Promise<void> {
  if (!(await pass.deps.discovery.serves(types.certificate))) return;
  const { cluster, context } = pass.valid;
  const isAsked = cluster.spec.certificates.issuerRef !== undefined;
  // Those of executors that leave go with their StatefulSets.
  const leaving = [...context.observed.executors.keys()].map((index) =>
    names.executorSecret(pass.name, index),
  );
  const secrets = isAsked ? [...wanted.map(({ name }) => name), ...leaving] : [];
  const kept = new Set(secrets.map(names.certificate));
  for (const [name, certificate] of await certificatesOf(pass)) {
    if (kept.has(name) || !pass.isOurs(certificate)) continue;
    const leafSecret = `${name}-tls`;
    await removeIssued(pass, leafSecret, certificate);
    if (leafSecret === names.operatorSecret(pass.name))
      await pass.deps.secrets.remove(pass.namespace, leafSecret, pass.signal);
  }
}

/**
 * Takes back the Certificate of one leaf, with what was issued for it; the leaf itself stays. @returns false when it must be
 * done once more: cert-manager may just be about to issue.
 */
export async function removeIssuedOf(pass: Pass, leafSecret: string): Promise<boolean> {
  if (!(await pass.deps.discovery.serves(types.certificate))) return true;
  const certificate = await pass.read<CertificateObject>(types.certificate, names.certificate(leafSecret));
  if (certificate !== undefined && pass.isOurs(certificate)) {
    await removeIssued(pass, leafSecret, certificate);
    return false;
  }
  await pass.deps.secrets.remove(pass.namespace, names.issuedSecret(leafSecret), pass.signal);
  return true;
}

async function removeIssued(pass: Pass, leafSecret: string, certificate: CertificateObject): Promise<void> {
  await pass.remove(certificate);
  await pass.deps.secrets.remove(pass.namespace, names.issuedSecret(leafSecret), pass.signal);
}

/** The cluster's Certificates by name. */
async function certificatesOf(pass: Pass): Promise<ReadonlyMap<string, CertificateObject>> {
  const query = { namespace: pass.namespace, labelSelector: `${label.cluster}=${pass.name}` };
  const { items } = await pass.deps.client.list<CertificateObject>(types.certificate, query, pass.signal);
  // Items of lists do not say what they are.
  const { apiVersion, kind } = { apiVersion: "cert-manager.io/v1", kind: "Certificate" };
  return new Map(items.map((item) => [item.metadata.name ?? "", { ...item, apiVersion, kind }]));
}

function isReady(certificate: CertificateObject | undefined): boolean {
  const conditions = certificate?.status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** What cert-manager has issued, or why that cannot be used; an empty text when there is nothing. */
async function readOne(pass: Pass, leaf: Leaf): Promise<IssuedContent | string> {
  const { deps, namespace, name, resource, signal } = pass;
  const secret = names.issuedSecret(leaf.name);
  const object = await deps.secrets.read(namespace, secret, signal);
  if (object === undefined) return "";
  if (!isFrom(object, names.certificate(leaf.name)))
    return `Secret ${namespace}/${secret} is not cert-manager's; delete or rename it`;
  const { uid = "" } = resource.metadata;
  const owner = { apiVersion, kind, name, uid, controller: false, blockOwnerDeletion: false };
  await deps.secrets.adopt(object, owner, signal);
  try {
    return decodeIssued(object.data ?? {}) ?? "";
  } catch (error) {
    if (!(error instanceof InvalidSecretError)) throw error;
    return `Secret ${namespace}/${secret}: ${error.message}`;
  }
}

function isFrom({ metadata }: SecretObject, certificate: string): boolean {
  return metadata.annotations?.[annotation.issuedFor] === certificate;
}

/** What cert-manager says of a Certificate: of the last attempt that failed, else whether it is ready. */
function stateOf(present: ReadonlyMap<string, CertificateObject>, { name }: Leaf): string {
  const conditions = present.get(names.certificate(name))?.status?.conditions ?? [];
  const failed = conditions.find((each) => each.type === "Issuing" && each.reason === "Failed");
  const said = (failed ?? conditions.find(({ type }) => type === "Ready"))?.message;
  return said === undefined ? "the issuer has not issued it yet" : `cert-manager says: ${said}`;
}
