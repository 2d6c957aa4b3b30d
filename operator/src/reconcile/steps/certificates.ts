import { certificateFacts, type PemPair, readBundle } from "@spice-shards/certificates";
import { isAlreadyExists } from "@spice-shards/kube";
import { annotation, names, type Role } from "../../api/names.ts";
import { bundleOf, type IssuedLeaf, issueLeafContent, observeLeaf } from "../../certificates/leaf-content.ts";
import { alternativeNamesText, executorNames, schedulerNames } from "../../certificates/leaf-names.ts";
import { planCertificates } from "../../certificates/plan.ts";
import { applyRootAction, observeRoot, type RootContent } from "../../certificates/root-content.ts";
import {
  decodeLeaf,
  decodeRoot,
  decodeSuppliedRoot,
  encodeRoot,
  InvalidSecretError,
} from "../../certificates/secret-content.ts";
import type {
  CertificateAction,
  CertificateInput,
  CertificatePlan,
  NodeReports,
} from "../../certificates/state.ts";
import { renderLeafSecret } from "../../render/leaf-secret.ts";
import { executorIndexes } from "../../render/render-cluster.ts";
import { renderRootSecret } from "../../render/root-secret.ts";
import type { AdminAccess } from "../admin-access.ts";
import type { SeenSecrets } from "../memory.ts";
import { nobody, reportsOf } from "../node-reports.ts";
import type { PodObject, SecretObject, StatefulSetObject } from "../objects.ts";
import { blocked, goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";
import { contentOf } from "../secret-objects.ts";

const dayMs = 86_400_000;
/** How often to ask nodes what they have loaded, while a rotation waits for them. */
const askAgainMs = 5_000;
/** More rounds than a rotation has phases: each round ends with a write or is the last. */
const roundsAtMost = 12;

interface WantedSecret {
  readonly name: string;
  readonly role: Role;
  readonly executor?: number;
  readonly names: ReturnType<typeof schedulerNames>;
}

/** The Secrets as they are now: objects for writing, contents for signing. Leaves this function's callers never. */
interface Live {
  rootObject: SecretObject | undefined;
  root: RootContent | undefined;
  readonly leafObjects: Map<string, SecretObject>;
  readonly leaves: Map<string, IssuedLeaf>;
  readonly supplied: PemPair | undefined;
}

/**
 * Root and leaves (spec chapter 09, Certificates). Each action of the plan is one write that holds all the progress, made
 * before the next is planned, so the operator may die after any of them.
 */
export async function certificates(pass: Pass, admin: AdminAccess): Promise<StepOutcome> {
  const { spec } = pass.valid.cluster;
  if (spec.allowInsecureConnections) return goOn;
  const wanted = wantedSecrets(pass);
  const seen = pass.memory.secrets;
  if (seen !== undefined && isFresh(pass, seen, wanted)) {
    const plan = planCertificates(inputOf(pass, seen, wanted, nobody));
    if (plan.actions.length === 0 && seen.root?.phase === "stable") return finish(pass, seen, plan);
  }
  try {
    return await bringAbout(pass, admin, wanted);
  } catch (error) {
    if (!pass.isFirst || !isAlreadyExists(error)) throw error;
    // A Secret of an earlier cluster of this name is there, so it is looked at after all.
    pass.isFirst = false;
    return await bringAbout(pass, admin, wanted);
  }
}

async function bringAbout(
  pass: Pass,
  admin: AdminAccess,
  wanted: readonly WantedSecret[],
): Promise<StepOutcome> {
  const live = await readSecrets(pass, wanted);
  if ("kind" in live) return live;
  for (let round = 0; round < roundsAtMost; round++) {
    const seen = remember(pass, live, wanted);
    const nodes =
      seen.root === undefined || seen.root.phase === "stable" ? nobody : await reportsOf(pass, admin);
    const plan = planCertificates(inputOf(pass, seen, wanted, nodes));
    if (plan.actions.length === 0) {
      await repair(pass, live, wanted);
      if (seen.root?.phase !== "stable") pass.lookAgainIn(askAgainMs);
      if (live.root !== undefined) await admin.prepare(live.root);
      return finish(pass, seen, plan);
    }
    for (const action of plan.actions) await perform(pass, live, wanted, action);
    tellIssued(pass, plan.actions);
  }
  pass.lookAgainIn(0);
  return goOn;
}

/** Every leaf that a node mounts or will mount. One that leaves and has no pod any more needs none. */
function wantedSecrets({ deps, valid, namespace, name }: Pass): readonly WantedSecret[] {
  const { context } = valid;
  const place = { cluster: name, namespace, clusterDomain: context.clusterDomain };
  const leaving = [...context.observed.executors.keys()].filter((index) => {
    const key = `${namespace}/${names.executor(name, index)}`;
    return deps.caches.child<StatefulSetObject>("statefulSet", key)?.spec.replicas !== 0;
  });
  const indexes = new Set([...executorIndexes(context), ...leaving]);
  return [
    { name: names.schedulerSecret(name), role: "scheduler", names: schedulerNames(place) },
    ...[...indexes]
      .sort((a, b) => a - b)
      .map((index) => ({
        name: names.executorSecret(name, index),
        role: "executor" as const,
        executor: index,
        names: executorNames(place, index),
      })),
  ];
}

/** How often to look whether it is a Secret that a pod waits for. */
const waitingAgainMs = 15_000;

/** Whether a container is not begun for longer than pulling an image takes: a Secret that it mounts may be gone. */
function podsWait({ deps, key, nowMs }: Pass): boolean {
  return deps.caches.childrenOf<PodObject>("pod", key).some(({ metadata, status }) => {
    const reason = status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "";
    const age = nowMs - Date.parse(metadata.creationTimestamp ?? "");
    return (
      (reason === "ContainerCreating" || reason === "CreateContainerConfigError") && age > waitingAgainMs
    );
  });
}

/**
 * Secrets are read again at every resync, when what is wanted of them has changed, and while a pod may wait for one. They
 * are not watched: that would need the right to list all Secrets.
 */
function isFresh(pass: Pass, seen: SeenSecrets, wanted: readonly WantedSecret[]): boolean {
  const { deps, valid } = pass;
  const age = deps.clock.monotonicMs() - seen.atMs;
  const bringsRoot = valid.cluster.spec.certificates.rootSecretRef !== undefined;
  return (
    age < deps.settings.resyncMs &&
    (age < waitingAgainMs || !podsWait(pass)) &&
    wanted.every(({ name }) => seen.leaves.has(name)) &&
    bringsRoot === (seen.suppliedRoot !== undefined)
  );
}

function inputOf(
  pass: Pass,
  seen: SeenSecrets,
  wanted: readonly WantedSecret[],
  nodes: NodeReports,
): CertificateInput {
  const { [annotation.renewCertificates]: renew, [annotation.rotateRoot]: rotateRoot } =
    pass.resource.metadata.annotations ?? {};
  return {
    nowMs: pass.nowMs,
    root: seen.root,
    leaves: seen.leaves,
    wanted: wanted.map((secret) => ({
      secret: secret.name,
      alternativeNames: alternativeNamesText(secret.names),
    })),
    nodes,
    requests: {
      ...(renew === undefined ? {} : { renew }),
      ...(rotateRoot === undefined ? {} : { rotateRoot }),
    },
    suppliedRoot: seen.suppliedRoot,
  };
}

async function readSecrets(pass: Pass, wanted: readonly WantedSecret[]): Promise<Live | StepOutcome> {
  const { namespace, name, deps, signal, valid } = pass;
  const { rootSecretRef } = valid.cluster.spec.certificates;
  let supplied: PemPair | undefined;
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

function remember(pass: Pass, live: Live, wanted: readonly WantedSecret[]): SeenSecrets {
  const { root, leaves, supplied } = live;
  const secrets: SeenSecrets = {
    atMs: pass.deps.clock.monotonicMs(),
    root: root === undefined ? undefined : observeRoot(root),
    leaves: new Map(
      wanted.flatMap(({ name }) => {
        const leaf = leaves.get(name);
        return leaf === undefined ? [] : [[name, observeLeaf(leaf, root)] as const];
      }),
    ),
    suppliedRoot: supplied === undefined ? undefined : certificateFacts(supplied.certificate).sha256,
  };
  pass.memory.secrets = secrets;
  return secrets;
}

async function perform(
  pass: Pass,
  live: Live,
  wanted: readonly WantedSecret[],
  action: CertificateAction,
): Promise<void> {
  const { certificates: validity } = pass.valid.cluster.spec;
  const { log } = pass.deps;
  if (action.kind === "issue-leaf" || action.kind === "set-trust") {
    const secret = wanted.find(({ name }) => name === action.secret);
    const { root } = live;
    if (secret === undefined || root === undefined) return;
    const request = pass.resource.metadata.annotations?.[annotation.renewCertificates];
    const before = live.leaves.get(secret.name);
    const content =
      action.kind === "set-trust" && before !== undefined
        ? { ...before, bundle: bundleOf(root) }
        : await issueLeafContent(root, secret.names, {
            nowMs: pass.nowMs,
            validMs: msOf(validity.leafValidity),
            request,
          });
    await writeLeaf(pass, live, secret, content);
    if (action.kind === "issue-leaf")
      log.info(`issued certificate ${secret.name}`, { cluster: pass.key, because: action.reason });
    return;
  }
  const request = pass.resource.metadata.annotations?.[annotation.rotateRoot];
  const trusted = [...live.leaves.values()].flatMap(({ bundle }) => readBundle(bundle));
  const next = await applyRootAction(live.root, action, {
    commonName: `${pass.name}.${pass.namespace}`.slice(0, 64),
    nowMs: pass.nowMs,
    validMs: msOf(validity.rootValidity),
    trusted: [...new Set(trusted)],
    ...(live.supplied === undefined ? {} : { supplied: live.supplied }),
    ...(request === undefined ? {} : { request }),
  });
  if (next === undefined || next === live.root) return;
  await writeRoot(pass, live, next);
  const because = "reason" in action ? action.reason : action.kind;
  log.info(`root ${action.kind}`, { cluster: pass.key, because });
  if (!pass.isFirst) pass.record("Normal", "RootRotation", "Rotate", `${action.kind}: ${because}`);
}

/** One event for all that were issued for one reason; those of a new cluster are told by its first condition. */
function tellIssued(pass: Pass, actions: readonly CertificateAction[]): void {
  if (pass.isFirst) return;
  const issued = new Map<string, string[]>();
  for (const action of actions) {
    if (action.kind !== "issue-leaf") continue;
    issued.set(action.reason, [...(issued.get(action.reason) ?? []), action.secret]);
  }
  for (const [reason, secrets] of issued)
    pass.record("Normal", "CertificatesIssued", "Issue", `${secrets.join(", ")}: ${reason}`);
}

/** Brings back labels, owners and keys besides that somebody has changed; writes nothing when all is right. */
async function repair(pass: Pass, live: Live, wanted: readonly WantedSecret[]): Promise<void> {
  if (live.root !== undefined) await writeRoot(pass, live, live.root);
  for (const secret of wanted) {
    const leaf = live.leaves.get(secret.name);
    if (leaf !== undefined) await writeLeaf(pass, live, secret, leaf);
  }
}

async function writeRoot(pass: Pass, live: Live, root: RootContent): Promise<void> {
  const wanted = renderRootSecret(pass.valid.context, encodeRoot(root));
  live.rootObject = (await pass.deps.secrets.write(wanted, live.rootObject, pass.signal)).object;
  live.root = root;
}

async function writeLeaf(pass: Pass, live: Live, secret: WantedSecret, leaf: IssuedLeaf): Promise<void> {
  const { answeredRequest, ...content } = leaf;
  const wanted = renderLeafSecret(pass.valid.context, secret, {
    ...content,
    ...(answeredRequest === undefined ? {} : { answeredRequest }),
  });
  const present = live.leafObjects.get(secret.name);
  live.leafObjects.set(secret.name, (await pass.deps.secrets.write(wanted, present, pass.signal)).object);
  live.leaves.set(secret.name, leaf);
}

function finish(pass: Pass, { root, leaves }: SeenSecrets, plan: CertificatePlan): StepOutcome {
  const expiries = [...leaves.values()].map(({ notAfterMs }) => notAfterMs);
  pass.certificates = {
    secretName: names.rootSecret(pass.name),
    rootExpiresMs: root?.signer?.notAfterMs,
    leavesExpireMs: expiries.length === 0 ? undefined : Math.min(...expiries),
    phase: root?.phase ?? "stable",
    waitingFor: plan.waitingFor,
  };
  if (plan.nextCheckMs !== undefined) pass.lookAgainIn(plan.nextCheckMs - pass.nowMs);
  return goOn;
}

/** `90d`. */
function msOf(days: string): number {
  return Number(days.slice(0, -1)) * dayMs;
}
