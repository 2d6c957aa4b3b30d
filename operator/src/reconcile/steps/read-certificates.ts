import { names } from "../../api/names.ts";
import type { IssuedLeaf } from "../../certificates/leaf-content.ts";
import type { RootContent, RootPair } from "../../certificates/root-content.ts";
import {
  decodeLeaf,
  decodeRoot,
  decodeSuppliedRoot,
  InvalidSecretError,
} from "../../certificates/secret-content.ts";
import type { Leaf } from "../../render/certificate.ts";
import type { SecretObject } from "../objects.ts";
import { blocked, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";
import { contentOf } from "../secret-objects.ts";
import { type LiveIssuing, readIssued, rootOf } from "./issued-certificates.ts";

/** The Secrets as they are now: objects for writing, contents for signing. Never leaves the certificates' step. */
export interface Live {
  rootObject: SecretObject | undefined;
  root: RootContent | undefined;
  readonly leafObjects: Map<string, SecretObject>;
  readonly leaves: Map<string, IssuedLeaf>;
  /** The root of the user, or the issuer's. */
  readonly supplied: RootPair | undefined;
  readonly issuing: LiveIssuing | undefined;
}

/** Reads the root, the leaves, and what the resource brings along or its issuer has made. */
export async function readSecrets(pass: Pass, wanted: readonly Leaf[]): Promise<Live | StepOutcome> {
  const { namespace, name, deps, signal, valid } = pass;
  const { rootSecretRef } = valid.cluster.spec.certificates;
  let supplied: RootPair | undefined;
  if (rootSecretRef !== undefined) {
    const path = "spec.certificates.rootSecretRef.name";
    const secret = await deps.secrets.read(namespace, rootSecretRef.name, signal);
    const where = `Secret ${namespace}/${rootSecretRef.name}`;
    if (secret === undefined) {
      pass.lookAgainIn(15_000);
      return blocked("MissingSecret", `${path}: ${where} does not exist.`);
    }
    try {
      supplied = decodeSuppliedRoot(secret.data ?? {}, pass.nowMs);
    } catch (error) {
      if (!(error instanceof InvalidSecretError)) throw error;
      pass.lookAgainIn(15_000);
      return blocked("InvalidSecret", `${path}: ${where}: ${error.message}.`);
    }
  }
  const issuing = await readIssued(pass, wanted);
  if (issuing !== undefined && "kind" in issuing) return issuing;
  const issuersRoot = issuing && rootOf(issuing);
  if (issuersRoot !== undefined) supplied = { certificate: issuersRoot, key: undefined };
  const read = async (secret: string) =>
    pass.isFirst ? undefined : await deps.secrets.read(namespace, secret, signal);
  const rootObject = await read(names.rootSecret(name));
  const foreign = rootObject === undefined ? undefined : foreignOwner(pass, rootObject);
  if (foreign !== undefined) return foreign;
  const live: Live = {
    rootObject,
    root: undefined,
    leafObjects: new Map(),
    leaves: new Map(),
    supplied,
    issuing,
  };
  try {
    live.root = rootObject === undefined ? undefined : decodeRoot(contentOf(rootObject));
  } catch (error) {
    if (!(error instanceof InvalidSecretError)) throw error;
    pass.lookAgainIn(15_000);
    const message = `Secret ${namespace}/${names.rootSecret(name)}: ${error.message}. Restore it, or delete it to begin a rotation to another root.`;
    return blocked("InvalidSecret", message);
  }
  for (const secret of wanted) {
    const object = await read(secret.name);
    if (object === undefined) continue;
    const owned = foreignOwner(pass, object);
    if (owned !== undefined) return owned;
    live.leafObjects.set(secret.name, object);
    const leaf = decodeLeaf(contentOf(object));
    if (leaf !== undefined) live.leaves.set(secret.name, leaf);
  }
  return live;
}

/** A Secret of an earlier cluster of this name waits for garbage collection; it is not taken over. */
function foreignOwner(pass: Pass, { metadata }: SecretObject): StepOutcome | undefined {
  const owner = metadata.ownerReferences?.find((each) => each.controller === true);
  if (owner === undefined || owner.uid === pass.resource.metadata.uid) return undefined;
  const message = `Secret ${pass.namespace}/${metadata.name} belongs to ${owner.kind} ${owner.name} of uid ${owner.uid}.`;
  return { kind: "requeue", afterMs: 2000, reason: "CertificatesPending", message };
}
