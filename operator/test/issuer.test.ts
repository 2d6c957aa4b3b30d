import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { certificateFacts, createRoot, isIssuedBy, issueLeaf } from "@spice-shards/certificates";
import type { KubeObject } from "@spice-shards/kube";
import { operatorNames } from "../src/certificates/leaf-names.ts";
import type { SecretObject } from "../src/reconcile/objects.ts";
import type { JsonObject } from "../src/schema/schema.ts";
import { certificates, clusters, key, specOf, World } from "./support/world.ts";

const dayMs = 86_400_000;
let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

const withIssuer = (name = "ca"): JsonObject => ({ ...specOf(), certificates: { issuerRef: { name } } });
const authority = (name: string) => createRoot(name, { nowMs: world.clock.wallMs(), validMs: 3650 * dayMs });

/** cert-manager with one issuer, and a cluster that names it. */
async function running(): Promise<string> {
  world.installCertManager();
  const ca = await authority("ca");
  world.certManager.authorities.set("ca", ca);
  world.create(withIssuer());
  await world.rest();
  expect(world.condition("Ready")).toMatchObject({ status: "True", reason: "AsExpected" });
  return ca.certificate;
}

const names = (collection: string) =>
  world.api.store.list(collection).map(({ metadata }) => metadata.name ?? "");

function textOf(secret: string, field: string): string {
  const { data = {} } = world.get<SecretObject>("/secrets", `data/${secret}`);
  return Buffer.from(data[field] ?? "", "base64").toString();
}

const leaves = ["sales-executor-0-tls", "sales-executor-1-tls", "sales-scheduler-tls"];

function expectAllOf(root: string): void {
  for (const leaf of [...leaves, "sales-operator-tls"]) {
    expect(isIssuedBy(textOf(leaf, "tls.crt"), root)).toBe(true);
    expect(textOf(leaf, "ca.crt")).toBe(root);
  }
  expect(world.admin.dialled.at(-1)?.tls?.ca).toBe(root);
  expect(world.admin.untrusted()).toEqual([]);
}

describe("certificates of an issuer of cert-manager", () => {
  test("are asked for, copied for the nodes, and then nothing is written", async () => {
    const root = await running();
    expect(names(certificates)).toEqual([
      "sales-executor-0",
      "sales-executor-1",
      "sales-operator",
      "sales-scheduler",
    ]);
    expectAllOf(root);
    // The issuer keeps its key.
    expect(world.get<SecretObject>("/secrets", "data/sales-ca").data).toEqual({
      "tls-issuer.crt": Buffer.from(root).toString("base64"),
    });
    expect(world.status().certificates).toMatchObject({ rootCertificateReady: true });
    const before = world.api.requests.length;
    await world.clock.advance(600_000);
    await world.rest();
    expect(world.writes(before)).toEqual([]);
    await world.restart();
    const second = world.api.requests.length;
    expect((await world.operator.reconcile(key)).result).toBe("done");
    expect(world.writes(second)).toEqual([]);
  });

  test("are waited for with what cert-manager says, and no pod is made without", async () => {
    world.create(withIssuer());
    for (let i = 0; i < 4; i++) await world.round();
    const missing = {
      reason: "MissingCertManager",
      message:
        "spec.certificates.issuerRef: the API server knows no Certificate of cert-manager.io/v1. Install cert-manager, or name no issuer.",
    };
    expect(world.condition("CertificatesReady")).toMatchObject({ status: "False", ...missing });
    expect(world.condition("Degraded")).toMatchObject({ status: "True", ...missing });
    world.installCertManager();
    for (let i = 0; i < 4; i++) await world.round();
    expect(world.condition("CertificatesReady")).toMatchObject({
      status: "False",
      reason: "CertificateNotReady",
      message:
        "Certificate data/sales-scheduler: cert-manager says: Issuing certificate as Secret does not exist. Certificate data/sales-executor-0: cert-manager says: Issuing certificate as Secret does not exist. Certificate data/sales-executor-1: cert-manager says: Issuing certificate as Secret does not exist. So 1 more.",
    });
    // That takes a moment; what takes longer is wrong.
    expect(world.condition("Progressing")).toMatchObject({ status: "True", reason: "CertificateNotReady" });
    expect(world.condition("Degraded")?.status).toBe("False");
    await world.clock.advance(130_000);
    await world.round();
    expect(world.condition("Degraded")).toMatchObject({ status: "True", reason: "CertificateNotReady" });
    expect([...names("/pods"), ...names("apps/deployments")]).toEqual([]);
    world.certManager.authorities.set("ca", await authority("ca"));
    await world.rest();
    expect(world.condition("Ready")?.status).toBe("True");
    expect(world.condition("CertificatesReady")?.status).toBe("True");
  });

  test("that nodes could not use are told by their Secret", async () => {
    world.installCertManager();
    world.certManager.authorities.set("ca", await authority("ca"));
    world.create(withIssuer());
    await world.round();
    await world.certManager.play();
    for (const name of names("/secrets").filter((each) => each.endsWith("-issued"))) {
      const secret = world.get<SecretObject>("/secrets", `data/${name}`);
      const { "ca.crt": _, ...data } = secret.data ?? {};
      world.api.store.put("/secrets", { ...secret, data } as never);
    }
    for (let i = 0; i < 4; i++) await world.round();
    expect(world.condition("CertificatesReady")?.message).toContain(
      "Certificate data/sales-scheduler: Secret data/sales-scheduler-issued: there is no ca.crt: this kind of issuer does not tell its root.",
    );
  });

  test("are renewed by cert-manager, and taken over", async () => {
    const root = await running();
    const before = certificateFacts(textOf("sales-executor-0-tls", "tls.crt"));
    await world.clock.advance(1000);
    world.api.store.delete("/secrets", "data/sales-executor-0-issued");
    await world.certManager.play();
    await world.clock.advance(600_000);
    await world.rest();
    const after = certificateFacts(textOf("sales-executor-0-tls", "tls.crt"));
    expect(after.notAfterMs).toBeGreaterThan(before.notAfterMs);
    expectAllOf(root);
  });

  test("that nobody renews are told while they still serve", async () => {
    await running();
    const ca = world.certManager.authorities.get("ca");
    if (ca === undefined) throw new Error("there is no authority");
    world.certManager.authorities.clear();
    // As if 21 of its 24 hours were over.
    const nowMs = world.clock.wallMs() - 21 * 3_600_000;
    const place = { cluster: "sales", namespace: "data", clusterDomain: "cluster.local" };
    const old = await issueLeaf(ca, operatorNames(place), { nowMs, validMs: dayMs });
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    for (const name of ["sales-operator-issued", "sales-operator-tls"]) {
      const secret = world.get<SecretObject>("/secrets", `data/${name}`);
      const pair = { "tls.crt": base64(old.certificate), "tls.key": base64(old.key) };
      world.api.store.put("/secrets", { ...secret, data: { ...secret.data, ...pair } } as KubeObject);
    }
    await world.clock.advance(600_000);
    for (let i = 0; i < 3; i++) await world.round();
    expect(world.condition("CertificatesReady")).toMatchObject({
      status: "False",
      reason: "CertificateNotReady",
      message: expect.stringMatching(
        /^Certificate sales-operator: the issuer has not renewed it yet; the present one is valid until \d{4}-/,
      ),
    });
    expect(world.condition("Ready")?.status).toBe("True");
    expect(world.status().certificates?.leafCertificatesExpireAt).not.toBe(undefined);
  });

  test("are asked for again when people want that, and what serves stays until then", async () => {
    const root = await running();
    const before = textOf("sales-scheduler-tls", "tls.crt");
    const { signed } = world.certManager;
    world.certManager.authorities.clear();
    world.edit(({ metadata }) => ({
      metadata: { ...metadata, annotations: { "spice.ai/renew-certificates": "1" } },
    }));
    for (let i = 0; i < 4; i++) await world.round();
    expect(names("/secrets").filter((name) => name.endsWith("-issued"))).toEqual([]);
    expect(textOf("sales-scheduler-tls", "tls.crt")).toBe(before);
    expect(world.condition("Ready")?.status).toBe("True");
    world.certManager.authorities.set("ca", await authority("ca"));
    await world.round();
    await world.clock.advance(15_000);
    await world.rest();
    expect(textOf("sales-scheduler-tls", "tls.crt")).not.toBe(before);
    expect(world.certManager.signed).toBe(signed + 4);
    // The authority has another key now, so that was a rotation.
    expect(isIssuedBy(textOf("sales-scheduler-tls", "tls.crt"), root)).toBe(false);
    expect(world.admin.untrusted()).toEqual([]);
    const last = world.certManager.signed;
    await world.clock.advance(600_000);
    await world.rest();
    expect(world.certManager.signed).toBe(last);
  });

  test("follow to another issuer and back to a root of the operator's own, and nobody loses trust", async () => {
    await running();
    const other = await authority("other");
    world.certManager.authorities.set("other", other);
    world.edit(() => ({ spec: withIssuer("other") }));
    for (let i = 0; i < 40; i++) {
      await world.round();
      await world.clock.advance(3000);
      expect(world.admin.untrusted()).toEqual([]);
    }
    expectAllOf(other.certificate);
    expect(world.operator.events).toContainEqual(expect.objectContaining({ reason: "RootRotation" }));
    world.edit(() => ({ spec: specOf() }));
    for (let i = 0; i < 40; i++) {
      await world.round();
      await world.clock.advance(3000);
      expect(world.admin.untrusted()).toEqual([]);
    }
    await world.rest();
    expect(names(certificates)).toEqual([]);
    expect(names("/secrets")).toEqual(["sales-ca", ...leaves]);
    expect(textOf("sales-ca", "tls.key")).toContain("PRIVATE KEY");
    expect(world.condition("Ready")?.status).toBe("True");
  });

  test("come and go with executors, and with the cluster", async () => {
    await running();
    const scale = (replicas: number) =>
      world.edit(({ spec }) => ({ spec: { ...spec, executorSpec: { replicas } } }));
    scale(3);
    await world.rest();
    expect(names(certificates)).toContain("sales-executor-2");
    scale(1);
    await world.rest();
    const left = ["sales-executor-0", "sales-operator", "sales-scheduler"];
    expect(names(certificates)).toEqual(left);
    expect(names("/secrets")).toEqual(
      [...left.flatMap((name) => [`${name}-issued`, `${name}-tls`]), "sales-ca"].sort(),
    );
    const cluster = world.get(clusters, key);
    const deletionTimestamp = new Date(world.clock.wallMs()).toISOString();
    world.api.store.put(clusters, {
      ...cluster,
      metadata: { ...cluster.metadata, deletionTimestamp },
    } as never);
    for (let i = 0; i < 10; i++) await world.round();
    world.kube.play();
    expect([names(certificates), names("/secrets")]).toEqual([[], []]);
  });

  test("survive an operator that dies at every write", async () => {
    for (let crash = 1; crash <= 24; crash += 7) {
      await world.stop();
      world = new World();
      await world.flush();
      world.installCertManager();
      world.certManager.authorities.set("ca", await authority("ca"));
      world.create(specOf());
      await world.rest();
      world.edit(() => ({ spec: withIssuer() }));
      world.crashAt(crash, "after");
      await world.restWithCrashes();
      expect(world.condition("Ready")?.status).toBe("True");
      expect(names(certificates)).toHaveLength(4);
      expect(world.admin.untrusted()).toEqual([]);
    }
  }, 60_000);
});

describe("a cluster that gives up mTLS", () => {
  const insecure = () => ({ ...specOf(), allowInsecureConnections: true }) as JsonObject;

  test.each([["its own root"], ["an issuer"]])("loses its leaves once no pod has them: %s", async (whose) => {
    const secure = whose === "an issuer" ? withIssuer() : specOf();
    if (whose === "an issuer") await running();
    else {
      world.create(secure);
      await world.rest();
    }
    world.edit(() => ({ spec: insecure() }));
    const isMounted = () =>
      world.api.store.list("/pods").some((pod) => JSON.stringify(pod).includes('"secretName"'));
    let sawBoth = false;
    for (let i = 0; i < 40; i++) {
      await world.round();
      await world.clock.advance(1000);
      if (!isMounted()) continue;
      sawBoth = true;
      expect(names("/secrets")).toEqual(expect.arrayContaining(leaves));
    }
    expect(sawBoth).toBe(true);
    await world.rest();
    expect(names("/secrets")).toEqual(["sales-ca"]);
    expect(names(certificates)).toEqual([]);
    await world.restart();
    const before = world.api.requests.length;
    await world.operator.reconcile(key);
    expect(world.writes(before)).toEqual([]);
    // And back, under the same root.
    const root = world.get<SecretObject>("/secrets", "data/sales-ca").data;
    world.edit(() => ({ spec: secure }));
    await world.rest();
    expect(world.condition("Ready")?.status).toBe("True");
    expect(world.get<SecretObject>("/secrets", "data/sales-ca").data).toEqual(root);
    expect(names("/secrets")).toEqual(expect.arrayContaining(leaves));
  });
});
