import { certificateFacts } from "@spice-shards/certificates";
import { withDeadline } from "@spice-shards/kube";
import type { ClusterAdmin, ClusterReport } from "../admin/port.ts";
import { SchedulerUnreachableError } from "../admin/port.ts";
import { label, names } from "../api/names.ts";
import { bundleOf, type IssuedLeaf, issueLeafContent } from "../certificates/leaf-content.ts";
import { operatorNames } from "../certificates/leaf-names.ts";
import { trustOf } from "../certificates/plan.ts";
import { observeRoot, type RootContent, signingRoot } from "../certificates/root-content.ts";
import { decodeLeaf, decodeRoot, InvalidSecretError } from "../certificates/secret-content.ts";
import type { ObservedRoot } from "../certificates/state.ts";
import type { OperatorLeaf } from "./cache/memory.ts";
import { types } from "./cache/resource-types.ts";
import { isReady, type PodObject } from "./objects.ts";
import type { Pass } from "./pass.ts";
import { contentOf } from "./secret-objects.ts";

/** The operator's own leaf is short-lived: it is kept in memory only. */
const leafValidMs = 6 * 3_600_000;
/** How long a leaf of an issuer is used before its Secret is read again. */
const issuedForMs = 600_000;
const answerWithinMs = 10_000;

export type Report =
  | { readonly kind: "known"; readonly report: ClusterReport }
  | { readonly kind: "unreachable"; readonly reason: string };

/** What a cluster's schedulers say, asked at most once a pass unless it is asked anew. */
export class AdminAccess {
  readonly #pass: Pass;
  #report: Promise<Report> | undefined;
  /** Where the schedulers are, when that was read from the API server. */
  #addresses: readonly string[] | undefined;

  constructor(pass: Pass) {
    this.#pass = pass;
  }

  /** What the last question of this pass was answered, if one was asked. */
  get asked(): Promise<Report> | undefined {
    return this.#report;
  }

  /** Never rejects but for the pass's own end. */
  report(): Promise<Report> {
    this.#report ??= this.#ask();
    return this.#report;
  }

  /** Asks again, for plans that must not rest on what was true before. */
  reportAnew(): Promise<Report> {
    this.#report = undefined;
    return this.report();
  }

  /** @throws SchedulerUnreachableError when there is none to ask. */
  async admin(): Promise<ClusterAdmin> {
    const { memory, deps, namespace, name } = this.#pass;
    const addresses = this.#addresses ?? cachedAddresses(this.#pass);
    if (addresses.length === 0) throw new SchedulerUnreachableError("No scheduler is ready.");
    const tls = memory.schedulers?.insecure === true ? undefined : await this.#leaf();
    const target = JSON.stringify([addresses, tls?.cert, tls?.ca]);
    if (memory.admin?.target === target) return memory.admin.connection;
    memory.admin?.connection.close();
    memory.admin = undefined;
    const connection = deps.dialer.dial({ namespace, cluster: name, addresses, tls });
    memory.admin = { target, connection };
    return connection;
  }

  async #ask(): Promise<Report> {
    const { deps, signal, key } = this.#pass;
    try {
      return { kind: "known", report: await this.#getCluster() };
    } catch (error) {
      if (signal.aborted) throw error;
      const unreachable = error instanceof SchedulerUnreachableError;
      const reason = error instanceof Error ? error.message : String(error);
      if (!unreachable) deps.log.warn("the schedulers could not be asked", { cluster: key, error: reason });
      return { kind: "unreachable", reason };
    }
  }

  async #getCluster(): Promise<ClusterReport> {
    const { clock } = this.#pass.deps;
    const ask = async () => {
      const admin = await this.admin();
      return await withDeadline(clock, answerWithinMs, this.#pass.signal, (inTime) =>
        admin.getCluster(inTime),
      );
    };
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof SchedulerUnreachableError) || !(await this.#haveMoved())) throw error;
      return await ask();
    }
  }

  /** Whether the schedulers of a cluster that was well are elsewhere than in the cache, which may be behind. */
  async #haveMoved(): Promise<boolean> {
    const { deps, resource, namespace, name, signal } = this.#pass;
    const wasReady = resource.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True");
    if (wasReady !== true || this.#addresses !== undefined) return false;
    const query = { namespace, labelSelector: `${label.cluster}=${name},${label.role}=scheduler` };
    const { items } = await deps.client.list<PodObject>(types.pod, query, signal);
    this.#addresses = addressesOf(this.#pass, items);
    return this.#addresses.join() !== cachedAddresses(this.#pass).join();
  }

  /** Makes the operator's leaf while the root is at hand, so that it need not be read again for that. */
  async prepare(root: RootContent, issued: IssuedLeaf | undefined): Promise<void> {
    if (this.#presentLeaf(observeRoot(root)) !== undefined) return;
    if (hasOwnKey(root) || issued !== undefined) await this.#issue(root, issued);
  }

  /** The leaf of role `operator`, made anew when it is old or when the roots have changed. */
  async #leaf(): Promise<OperatorLeaf["tls"]> {
    const { memory, deps, namespace, name, signal } = this.#pass;
    const seen = memory.secrets?.root;
    const present = seen === undefined ? undefined : this.#presentLeaf(seen);
    if (present !== undefined) return present.tls;
    const secret = await deps.secrets.read(namespace, names.rootSecret(name), signal);
    if (secret === undefined) throw new SchedulerUnreachableError("There is no root certificate yet.");
    const root = readRoot(secret);
    if (hasOwnKey(root)) return await this.#issue(root, undefined);
    const issued = await deps.secrets.read(namespace, names.operatorSecret(name), signal);
    return await this.#issue(root, issued && decodeLeaf(contentOf(issued)));
  }

  #presentLeaf(root: ObservedRoot): OperatorLeaf | undefined {
    const { memory, nowMs } = this.#pass;
    const { leaf } = memory;
    return leaf !== undefined && nowMs < leaf.renewAtMs && leaf.roots === rootsText(root) ? leaf : undefined;
  }

  /** @param issued the operator's leaf that an issuer signed, where the key of the present root is the issuer's */
  async #issue(root: RootContent, issued: IssuedLeaf | undefined): Promise<OperatorLeaf["tls"]> {
    const { memory, deps, namespace, name, nowMs } = this.#pass;
    const roots = rootsText(observeRoot(root));
    if (issued !== undefined && certificateFacts(issued.certificate).notAfterMs > nowMs) {
      const tls = { ca: bundleOf(root), cert: issued.certificate, key: issued.key };
      memory.leaf = { tls, roots, renewAtMs: nowMs + issuedForMs };
      return tls;
    }
    if (signingRoot(root) === undefined)
      throw new SchedulerUnreachableError("The issuer has not issued the operator's certificate yet.");
    // Without the key of the present root it is a leaf of the next one, for schedulers that trust that already.
    const place = { cluster: name, namespace, clusterDomain: deps.settings.clusterDomain };
    const leaf = await issueLeafContent(root, operatorNames(place), {
      nowMs,
      validMs: leafValidMs,
      request: undefined,
    });
    const tls = { ca: bundleOf(root), cert: leaf.certificate, key: leaf.key };
    const renewAtMs = nowMs + Math.floor((leafValidMs * 2) / 3);
    memory.leaf = { tls, roots, renewAtMs };
    return tls;
  }
}

/** Whether the operator signs its own leaf, with the present root or with the one that comes for a lost one. */
function hasOwnKey({ signer, next }: RootContent): boolean {
  return (signer ?? next)?.key !== undefined;
}

function readRoot(secret: Parameters<typeof contentOf>[0]): RootContent {
  try {
    return decodeRoot(contentOf(secret));
  } catch (error) {
    if (error instanceof InvalidSecretError)
      throw new SchedulerUnreachableError(`Secret ${secret.metadata.name}: ${error.message}.`);
    throw error;
  }
}

function rootsText(root: ObservedRoot): string {
  return `${root.signer?.sha256 ?? root.next?.sha256} ${trustOf(root).join()}`;
}

function cachedAddresses(pass: Pass): readonly string[] {
  return addressesOf(pass, pass.deps.caches.childrenOf<PodObject>("pod", pass.key));
}

/** `podIP:port` of the schedulers that are ready, in a fixed order. */
function addressesOf(pass: Pass, pods: readonly PodObject[]): readonly string[] {
  const { schedulers } = pass.memory;
  if (schedulers === undefined) return [];
  return pods
    .filter((pod) => pod.metadata.labels?.[label.role] === "scheduler" && isReady(pod))
    .flatMap(({ status }) => (status?.podIP === undefined ? [] : [hostPort(status.podIP, schedulers.port)]))
    .sort();
}

/** An address as nodes advertise it. */
export function hostPort(ip: string, port: number | string): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
