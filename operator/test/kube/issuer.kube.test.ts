/** @jest-environment ./scripts/jest/environment.mjs */
import { X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { createRoot, isIssuedBy } from "@spice-shards/certificates";
import type { KubeObject } from "@spice-shards/kube";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import type { SecretObject } from "../../src/reconcile/objects.ts";
import { CertManager } from "./support/cert-manager.ts";
import { certificateCrd } from "./support/cluster-objects.ts";
import { conditionOf } from "./support/operator-bed.ts";
import { ProcessBed } from "./support/process-bed.ts";

const crds = {
  ...{ group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" },
  ...{ kind: "CustomResourceDefinition", namespaced: false },
};
const leaves = ["sales-executor-0-tls", "sales-executor-1-tls", "sales-scheduler-tls", "sales-operator-tls"];

/** The operator has the chart's own rights here, and schedulers are asked by mTLS with what was issued. */
describe("certificates of an issuer on a real API server", () => {
  let bed: ProcessBed;
  let certManager: CertManager;
  let namespace: string;

  beforeAll(async () => {
    bed = await ProcessBed.start(["replicas=1", "webhook.enabled=false"]);
    await bed.operate(["--leader-elect=false"]);
    certManager = new CertManager(bed.admin);
  }, 120_000);
  afterEach(() => bed.leaveIfFailed());
  afterAll(async () => {
    await certManager?.stop();
    await bed?.stop();
  });

  const authority = (name: string) => createRoot(name, { nowMs: Date.now(), validMs: 1e10 });
  const touch = (value: string) =>
    bed.change(namespace, { metadata: { annotations: { "test/touch": value } } });

  async function pem(secret: string, key: string): Promise<string> {
    const { data = {} } = await bed.admin.get<SecretObject>(types.secret, { namespace, name: secret });
    return Buffer.from(data[key] ?? "", "base64").toString();
  }

  /** Waits until all leaves are of this root, which alone is trusted. */
  const allOf = (root: string) =>
    eventually(
      "all leaves to be of the issuer's root",
      async () => {
        for (const leaf of leaves) {
          const [certificate, bundle] = [await pem(leaf, "tls.crt"), await pem(leaf, "ca.crt")];
          if (!isIssuedBy(certificate, root) || bundle !== root) throw new Error(`${leaf} is not`);
        }
        return true;
      },
      { timeoutMs: 60_000 },
    );

  /** The condition once its reason is so. */
  const refusal = (reason: string) =>
    eventually(`CertificatesReady for ${reason}`, async () => {
      const { status } = await bed.read(namespace);
      const found = conditionOf(status, "CertificatesReady");
      return found?.reason === reason && found;
    });

  it("are waited for: first for cert-manager, then for the issuer, and then come", async () => {
    const spec = { certificates: { issuerRef: { name: "ca" } } };
    namespace = await bed.create(spec, "issuer");
    expect(await refusal("MissingCertManager")).toMatchObject({
      status: "False",
      message:
        "spec.certificates.issuerRef: the API server knows no Certificate of cert-manager.io/v1. Install cert-manager, or name no issuer.",
    });
    await bed.admin.create(crds, certificateCrd);
    const wait = ["wait", "crd/certificates.cert-manager.io", "--for=condition=Established", "--timeout=30s"];
    await bed.api.kubectl(wait);
    await touch("crd");
    const { message } = await refusal("CertificateNotReady");
    expect(message).toContain(`Certificate ${namespace}/sales-scheduler: `);
    expect(bed.kubelet.list(namespace)).toEqual([]);
    const ca = await authority("ca");
    certManager.double.authorities.set("ca", ca);
    await bed.settled(namespace);
    await allOf(ca.certificate);
    const text = await pem("sales-executor-1-tls", "tls.crt");
    const { subjectAltName, keyUsage } = new X509Certificate(text);
    expect(subjectAltName).toContain(`URI:spiffe://${namespace}/sales/executor/1`);
    expect(keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect((await bed.read(namespace)).status?.["certificates"]).toMatchObject({
      rootCertificateReady: true,
      rootCertificateSecretName: "sales-ca",
    });
  }, 120_000);

  it("are asked for again when people want that", async () => {
    const before = await pem("sales-executor-0-tls", "tls.crt");
    const annotations = { "spice.ai/renew-certificates": "now" };
    await bed.change(namespace, { metadata: { annotations } });
    await eventually("another leaf", async () => (await pem("sales-executor-0-tls", "tls.crt")) !== before);
    await bed.settled(namespace);
  }, 180_000);

  it("that cert-manager renewed are taken over", async () => {
    const target = { namespace, name: "sales-executor-0-issued" };
    const { uid } = (await bed.admin.get<KubeObject>(types.secret, target)).metadata;
    await bed.admin.delete(types.secret, target);
    await eventually("cert-manager", async () => {
      const { metadata } = await bed.admin.get<KubeObject>(types.secret, target);
      return metadata.uid !== uid;
    });
    const renewed = await pem("sales-executor-0-issued", "tls.crt");
    // Secrets are not watched: a new operator reads them, as this one would at its next resync.
    await bed.stopOperators();
    await bed.operate(["--leader-elect=false"]);
    await eventually("the leaf", async () => (await pem("sales-executor-0-tls", "tls.crt")) === renewed);
    await bed.settled(namespace);
  }, 180_000);

  it("of another issuer replace them step by step, without a node that is not trusted", async () => {
    const other = await authority("other");
    certManager.double.authorities.set("other", other);
    await bed.change(namespace, { spec: { certificates: { issuerRef: { name: "other" } } } });
    await allOf(other.certificate);
    await bed.settled(namespace);
    expect(bed.schedulers.violations).toEqual([]);
  }, 120_000);

  it("go with what they were for", async () => {
    await bed.change(namespace, { spec: { executorSpec: { replicas: 1 } } });
    const secrets = async () => (await bed.admin.list<KubeObject>(types.secret, { namespace })).items;
    await eventually("executor 1 to be gone", async () => {
      const left = (await secrets()).filter(({ metadata }) => metadata.name?.includes("executor-1"));
      return left.length === 0;
    });
    await bed.settled(namespace);
    const { items } = await bed.admin.list<KubeObject>(types.certificate, { namespace });
    expect(items.map(({ metadata }) => metadata.name)).toEqual([
      "sales-executor-0",
      "sales-operator",
      "sales-scheduler",
    ]);
    // Garbage collection takes the rest with the cluster, also what cert-manager made.
    const { uid } = (await bed.read(namespace)).metadata;
    for (const { metadata } of [...(await secrets()), ...items])
      expect([metadata.name, metadata.ownerReferences?.map((owner) => owner.uid)]).toEqual([
        metadata.name,
        [uid],
      ]);
    const account = "system:serviceaccount:spice-system:spiceai-operator";
    const refused = bed.api.audit.since(0, account).filter(({ code }) => code === 401 || code === 403);
    expect(refused).toEqual([]);
  }, 180_000);
});
