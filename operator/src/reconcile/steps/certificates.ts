import { certificateFacts, readBundle } from "@spice-shards/certificates";
import { isAlreadyExists } from "@spice-shards/kube";
import { annotation, names } from "../../api/names.ts";
import {
  bundleOf,
  type IssuedLeaf,
  issueLeafContent,
  observeLeaf,
  takeIssued,
} from "../../certificates/leaf-content.ts";
import { alternativeNamesText } from "../../certificates/leaf-names.ts";
import { planCertificates } from "../../certificates/plan.ts";
import { renewalMs } from "../../certificates/policy.ts";
import { applyRootAction, observeRoot, type RootContent } from "../../certificates/root-content.ts";
import { encodeRoot } from "../../certificates/secret-content.ts";
import type {
  CertificateAction,
  CertificateInput,
  CertificatePlan,
  NodeReports,
} from "../../certificates/state.ts";
import { type Leaf, leavesOf } from "../../render/certificate.ts";
import { renderLeafSecret } from "../../render/leaf-secret.ts";
import { executorIndexes } from "../../render/render-cluster.ts";
import { renderRootSecret } from "../../render/root-secret.ts";
import type { AdminAccess } from "../admin-access.ts";
import type { SeenSecrets } from "../cache/memory.ts";
import type { PodObject, StatefulSetObject } from "../objects.ts";
import { nobody, reportsOf } from "../observe/node-reports.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";
import { askIssuer, issuerLookMs, issuerOf, observe, pruneIssued } from "./issued-certificates.ts";
import { type Live, readSecrets } from "./read-certificates.ts";
import { withoutMtls } from "./without-mtls.ts";

const dayMs = 86_400_000;
/** How often to ask nodes what they have loaded, while a rotation waits for them. */
const askAgainMs = 5_000;
/** More rounds than a rotation has phases: each round ends with a write or is the last. */
const roundsAtMost = 12;

/**
 * Root and leaves (spec chapter 09, Certificates). Each action of the plan is one write that holds all the progress, made
 * before the next is planned, so the operator may die after any of them.
 */
export async function certificates(pass: Pass, admin: AdminAccess): Promise<StepOutcome> {
  const { spec } = pass.valid.cluster;
  if (spec.allowInsecureConnections) return await withoutMtls(pass);
  pass.memory.leavesGone = false;
  const wanted = wantedLeaves(pass);
  const seen = pass.memory.secrets;
  if (seen !== undefined && isFresh(pass, seen, wanted)) {
    const plan = planCertificates(inputOf(pass, seen, wanted, nobody));
    const isSettled = plan.actions.length === 0 && Object.keys(plan.waitingFor).length === 0;
    if (isSettled && seen.root?.phase === "stable") return finish(pass, seen, plan, wanted);
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

async function bringAbout(pass: Pass, admin: AdminAccess, wanted: readonly Leaf[]): Promise<StepOutcome> {
  const live = await readSecrets(pass, wanted);
  if ("kind" in live) return live;
  for (let round = 0; round < roundsAtMost; round++) {
    const seen = remember(pass, live, wanted);
    const nodes =
      seen.root === undefined || seen.root.phase === "stable" ? nobody : await reportsOf(pass, admin);
    const plan = planCertificates(inputOf(pass, seen, wanted, nodes));
    if (plan.actions.length === 0) {
      await repair(pass, live, wanted);
      const isWaiting = seen.root?.phase !== "stable" || Object.keys(plan.waitingFor).length > 0;
      if (isWaiting) pass.lookAgainIn(askAgainMs);
      else await pruneIssued(pass, wanted);
      if (live.root !== undefined)
        await admin.prepare(live.root, live.leaves.get(names.operatorSecret(pass.name)));
      return finish(pass, seen, plan, wanted);
    }
    for (const action of plan.actions) await perform(pass, live, wanted, action);
    tellIssued(pass, plan.actions);
  }
  pass.lookAgainIn(0);
  return goOn;
}

/** Every leaf that a node mounts or will mount. One that leaves and has no pod any more needs none. */
function wantedLeaves({ deps, valid, namespace, name }: Pass): readonly Leaf[] {
  const { context } = valid;
  const leaving = [...context.observed.executors.keys()].filter((index) => {
    const key = `${namespace}/${names.executor(name, index)}`;
    return deps.caches.child<StatefulSetObject>("statefulSet", key)?.spec.replicas !== 0;
  });
  const indexes = new Set([...executorIndexes(context), ...leaving]);
  return leavesOf(
    context,
    [...indexes].sort((a, b) => a - b),
  );
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
function isFresh(pass: Pass, seen: SeenSecrets, wanted: readonly Leaf[]): boolean {
  const { deps, valid } = pass;
  const age = deps.clock.monotonicMs() - seen.atMs;
  const { rootSecretRef, issuerRef } = valid.cluster.spec.certificates;
  return (
    age < deps.settings.resyncMs &&
    (age < waitingAgainMs || !podsWait(pass)) &&
    wanted.every(({ name }) => seen.leaves.has(name)) &&
    issuerOf(valid.cluster) === seen.issuer &&
    (issuerRef !== undefined || (rootSecretRef !== undefined) === (seen.suppliedRoot !== undefined))
  );
}

function inputOf(
  pass: Pass,
  seen: SeenSecrets,
  wanted: readonly Leaf[],
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
    ...(seen.issuing === undefined ? {} : { issuing: seen.issuing }),
  };
}

function remember(pass: Pass, live: Live, wanted: readonly Leaf[]): SeenSecrets {
  const { root, leaves, supplied, issuing } = live;
  const isPending = issuing?.isPending === true;
  if (isPending) pass.lookAgainIn(issuerLookMs);
  const secrets: SeenSecrets = {
    atMs: pass.deps.clock.monotonicMs() - (isPending ? pass.deps.settings.resyncMs - issuerLookMs : 0),
    root: root === undefined ? undefined : observeRoot(root),
    leaves: new Map(
      wanted.flatMap(({ name }) => {
        const leaf = leaves.get(name);
        return leaf === undefined ? [] : [[name, observeLeaf(leaf, root)] as const];
      }),
    ),
    suppliedRoot: supplied === undefined ? undefined : certificateFacts(supplied.certificate).sha256,
    issuer: issuerOf(pass.valid.cluster),
    issuing: issuing && observe(issuing),
  };
  pass.memory.secrets = secrets;
  return secrets;
}

async function perform(
  pass: Pass,
  live: Live,
  wanted: readonly Leaf[],
  action: CertificateAction,
): Promise<void> {
  const { certificates: validity } = pass.valid.cluster.spec;
  const { log } = pass.deps;
  if ("secret" in action) {
    const secret = wanted.find(({ name }) => name === action.secret);
    if (secret === undefined || live.root === undefined) return;
    if (action.kind === "ask-issuer") {
      if (live.issuing !== undefined) await askIssuer(pass, live.issuing, secret.name);
      log.info(`asked the issuer for ${secret.name}`, { cluster: pass.key, because: action.reason });
      return;
    }
    const content = await contentOfLeaf(pass, live, live.root, secret, action);
    if (content === undefined) return;
    await writeLeaf(pass, live, secret, content);
    if (action.kind !== "set-trust")
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
    if (action.kind !== "issue-leaf" && action.kind !== "take-leaf") continue;
    issued.set(action.reason, [...(issued.get(action.reason) ?? []), action.secret]);
  }
  for (const [reason, secrets] of issued)
    pass.record("Normal", "CertificatesIssued", "Issue", `${secrets.join(", ")}: ${reason}`);
}

async function contentOfLeaf(
  pass: Pass,
  live: Live,
  root: RootContent,
  { name, names: alternatives }: Leaf,
  { kind }: Extract<CertificateAction, { readonly secret: string }>,
): Promise<IssuedLeaf | undefined> {
  const request = pass.resource.metadata.annotations?.[annotation.renewCertificates];
  const before = live.leaves.get(name);
  if (kind === "set-trust") return before && { ...before, bundle: bundleOf(root) };
  if (kind === "take-leaf") {
    const issued = live.issuing?.contents.get(name);
    return issued && takeIssued(root, issued, request);
  }
  const validMs = msOf(pass.valid.cluster.spec.certificates.leafValidity);
  return await issueLeafContent(root, alternatives, { nowMs: pass.nowMs, validMs, request });
}

/** Brings back labels, owners and keys besides that somebody has changed; writes nothing when all is right. */
async function repair(pass: Pass, live: Live, wanted: readonly Leaf[]): Promise<void> {
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

async function writeLeaf(pass: Pass, live: Live, secret: Leaf, leaf: IssuedLeaf): Promise<void> {
  const { answeredRequest, ...content } = leaf;
  const wanted = renderLeafSecret(pass.valid.context, secret, {
    ...content,
    ...(answeredRequest === undefined ? {} : { answeredRequest }),
  });
  const present = live.leafObjects.get(secret.name);
  live.leafObjects.set(secret.name, (await pass.deps.secrets.write(wanted, present, pass.signal)).object);
  live.leaves.set(secret.name, leaf);
}

function finish(
  pass: Pass,
  { root, leaves, issuing }: SeenSecrets,
  plan: CertificatePlan,
  wanted: readonly Leaf[],
): StepOutcome {
  // No pod could start, or be talked to, without them. What has one goes on with it.
  const lacking = wanted.filter(({ name }) => (leaves.get(name)?.notAfterMs ?? 0) <= pass.nowMs);
  if (issuing !== undefined && lacking.length > 0)
    return notReady(pass, plan, lacking, issuing.young ?? new Set());
  const expiries = wanted
    .filter(({ role }) => role !== undefined)
    .flatMap(({ name }) => leaves.get(name)?.notAfterMs ?? []);
  pass.certificates = {
    secretName: names.rootSecret(pass.name),
    rootExpiresMs: root?.signer?.notAfterMs,
    leavesExpireMs: expiries.length === 0 ? undefined : Math.min(...expiries),
    phase: root?.phase ?? "stable",
    waitingFor: plan.waitingFor,
    overdue: issuing === undefined ? {} : overdueOf(pass, leaves, plan, wanted),
  };
  if (plan.nextCheckMs !== undefined) pass.lookAgainIn(plan.nextCheckMs - pass.nowMs);
  return goOn;
}

/** Leaves that cert-manager should have renewed: half of the time that it leaves for that is over. */
function overdueOf(
  { nowMs }: Pass,
  leaves: SeenSecrets["leaves"],
  { waitingFor }: CertificatePlan,
  wanted: readonly Leaf[],
): Readonly<Record<string, string>> {
  const late = wanted.flatMap(({ name }) => {
    const leaf = leaves.get(name);
    if (leaf === undefined || nowMs < (renewalMs(leaf) + leaf.notAfterMs) / 2) return [];
    const until = new Date(leaf.notAfterMs).toISOString();
    const why = waitingFor[name] ?? "the issuer has not renewed it yet";
    return [
      [`Certificate ${names.certificate(name)}`, `${why}; the present one is valid until ${until}`] as const,
    ];
  });
  return Object.fromEntries(late);
}

function notReady(
  pass: Pass,
  { waitingFor }: CertificatePlan,
  lacking: readonly Leaf[],
  young: ReadonlySet<string>,
): StepOutcome {
  const shown = lacking.slice(0, 3).map(({ name }) => {
    const certificate = `Certificate ${pass.namespace}/${names.certificate(name)}`;
    return `${certificate}: ${waitingFor[name] ?? "it waits for the others"}.`;
  });
  const more = lacking.length > 3 ? ` So ${lacking.length - 3} more.` : "";
  const isUnderWay = lacking.every(({ name }) => young.has(name));
  return {
    ...{ kind: "requeue", afterMs: askAgainMs, reason: "CertificateNotReady", isUnderWay },
    message: `${shown.join(" ")}${more}`,
  };
}

/** `90d`. */
function msOf(days: string): number {
  return Number(days.slice(0, -1)) * dayMs;
}
