import { expect } from "@jest/globals";
import {
  certificateFacts,
  isIssuedBy,
  issueLeaf,
  type PemPair,
  readBundle,
} from "@spice-shards/certificates";
import { type IssuedContent, newestRoot, observeIssued } from "../issued-content.ts";
import { bundleOf, type IssuedLeaf, issueLeafContent, observeLeaf, takeIssued } from "../leaf-content.ts";
import { alternativeNamesText, executorNames, schedulerNames } from "../leaf-names.ts";
import { planCertificates } from "../plan.ts";
import { renewalMs } from "../policy.ts";
import { applyRootAction, observeRoot, type RootContent } from "../root-content.ts";
import type { CertificateAction, CertificateInput, CertificatePlan, Issuing } from "../state.ts";

export const day = 86_400_000;
export const place = { cluster: "sales", namespace: "data", clusterDomain: "cluster.local" };
export const wantedNames = new Map([
  ["sales-scheduler-tls", schedulerNames(place)],
  ["sales-executor-0-tls", executorNames(place, 0)],
  ["sales-executor-1-tls", executorNames(place, 1)],
]);
/** Two schedulers share a Secret. */
export const nodeSecrets = ["sales-scheduler-tls", ...wantedNames.keys()];

/** Secrets, and what nodes have loaded of them. The planner sees nothing else. */
export class CertificateWorld {
  nowMs = Date.parse("2030-01-01T00:00:00Z");
  root: RootContent | undefined;
  readonly leaves = new Map<string, IssuedLeaf>();
  readonly loaded: (IssuedLeaf | undefined)[] = nodeSecrets.map(() => undefined);
  requests: CertificateInput["requests"] = {};
  reachable = true;
  /** Of whom leaves are asked, in place of the operator's own root. */
  issuer: TestIssuer | undefined;
  writes = 0;

  plan(): CertificatePlan {
    const { root, issuer } = this;
    const nodes = this.loaded.flatMap((leaf, i) =>
      leaf === undefined
        ? []
        : [
            {
              id: `node-${i}`,
              secret: nodeSecrets[i]!,
              leafSha256: certificateFacts(leaf.certificate).sha256,
              trustSha256: readBundle(leaf.bundle).map((pem) => certificateFacts(pem).sha256),
            },
          ],
    );
    return planCertificates({
      nowMs: this.nowMs,
      root: root === undefined ? undefined : observeRoot(root),
      leaves: new Map([...this.leaves].map(([secret, leaf]) => [secret, observeLeaf(leaf, root)])),
      wanted: [...wantedNames].map(([secret, names]) => ({
        secret,
        alternativeNames: alternativeNamesText(names),
      })),
      nodes: this.reachable
        ? { kind: "reported", nodes, expected: nodeSecrets.length }
        : { kind: "unknown", reason: "no scheduler answers" },
      requests: this.requests,
      suppliedRoot: issuer?.root === undefined ? undefined : certificateFacts(issuer.root).sha256,
      ...(issuer === undefined ? {} : { issuing: issuer.observe() }),
    });
  }

  async write(action: CertificateAction): Promise<void> {
    this.writes += 1;
    if ("secret" in action) return await this.#writeLeaf(action);
    const pems = [...this.leaves.values()].flatMap(({ bundle }) => readBundle(bundle));
    this.root = await applyRootAction(this.root, action, {
      commonName: "sales.data",
      nowMs: this.nowMs,
      validMs: 3650 * day,
      trusted: [...new Set(pems)],
      ...(this.issuer?.root === undefined
        ? {}
        : { supplied: { certificate: this.issuer.root, key: undefined } }),
      ...(this.requests.rotateRoot === undefined ? {} : { request: this.requests.rotateRoot }),
    });
  }

  async #writeLeaf({ kind, secret }: Extract<CertificateAction, { readonly secret: string }>): Promise<void> {
    const root = this.root!;
    const request = this.requests.renew;
    const names = wantedNames.get(secret)!;
    const time = { nowMs: this.nowMs, validMs: 90 * day, request };
    if (kind === "ask-issuer") this.issuer!.issued.delete(secret);
    else if (kind === "set-trust")
      this.leaves.set(secret, { ...this.leaves.get(secret)!, bundle: bundleOf(root) });
    else if (kind === "take-leaf")
      this.leaves.set(secret, takeIssued(root, this.issuer!.issued.get(secret)!, request));
    else this.leaves.set(secret, await issueLeafContent(root, names, time));
  }

  load(node: number): void {
    this.loaded[node] = this.leaves.get(nodeSecrets[node]!) ?? this.loaded[node];
  }

  /** Reconcile until nothing is left to write, with all nodes loading at once. */
  async settle(): Promise<void> {
    for (let round = 0; round < 40; round++) {
      for (const node of nodeSecrets.keys()) this.load(node);
      await this.issuer?.fill(this.nowMs);
      const { actions } = this.plan();
      if (actions.length === 0) return;
      for (const action of actions) await this.write(action);
    }
    throw new Error("The certificates do not settle.");
  }

  /** Every node accepts every other, with what they have loaded or what a new pod would load. */
  checkTrust(): void {
    const all = [...this.loaded, ...this.leaves.values()].filter((leaf) => leaf !== undefined);
    for (const one of all)
      for (const other of all) {
        const roots = readBundle(one.bundle);
        expect(roots.some((root) => isIssuedBy(other.certificate, root))).toBe(true);
      }
  }
}

/** Signs what is asked of it, as cert-manager with a CA issuer does. */
export class TestIssuer {
  ca: PemPair;
  works = true;
  readonly issued = new Map<string, IssuedContent>();

  constructor(ca: PemPair) {
    this.ca = ca;
  }

  /** The root that the operator takes to be this issuer's. */
  get root(): string | undefined {
    return newestRoot(this.issued.values());
  }

  observe(): Issuing {
    const issued = new Map([...this.issued].map(([secret, content]) => [secret, observeIssued(content)]));
    return { issued, missing: new Map() };
  }

  /** Issues what is missing and renews what is due. */
  async fill(nowMs: number): Promise<void> {
    if (!this.works) return;
    for (const [secret, names] of wantedNames) {
      const present = this.issued.get(secret);
      if (present !== undefined && nowMs < renewalMs(certificateFacts(present.certificate))) continue;
      const pair = await issueLeaf(this.ca, names, { nowMs, validMs: 90 * day });
      this.issued.set(secret, { ...pair, root: this.ca.certificate });
    }
  }
}
