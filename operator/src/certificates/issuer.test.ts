import { expect, test } from "@jest/globals";
import { certificateFacts, createRoot, isIssuedBy, issueLeaf, readBundle } from "@spice-shards/certificates";
import fc from "fast-check";
import { decodeIssued } from "./issued-content.ts";
import { schedulerNames } from "./leaf-names.ts";
import { CertificateWorld, day, nodeSecrets, place, TestIssuer } from "./testing/certificate-world.ts";

const time = { nowMs: Date.parse("2030-01-01T00:00:00Z"), validMs: 3650 * day };
const authorities = await Promise.all(["one", "two", "three"].map((name) => createRoot(name, time)));
const [one, two] = authorities as [(typeof authorities)[number], (typeof authorities)[number]];
const shaOf = (pem: string) => certificateFacts(pem).sha256;

async function withIssuer(): Promise<CertificateWorld & { issuer: TestIssuer }> {
  const world = new CertificateWorld();
  const issuer = new TestIssuer(one);
  world.issuer = issuer;
  await world.settle();
  return Object.assign(world, { issuer });
}

/** Every leaf is of this root, and nothing else is trusted. */
function expectAllOf(world: CertificateWorld, root: string): void {
  expect(world.root).toMatchObject({ phase: "stable", previous: [], signer: { certificate: root } });
  for (const leaf of world.leaves.values()) {
    expect(leaf.bundle).toBe(root);
    expect(isIssuedBy(leaf.certificate, root)).toBe(true);
  }
  world.checkTrust();
}

test("an issuer's certificates become the leaves, without its key", async () => {
  const world = new CertificateWorld();
  world.issuer = new TestIssuer(one);
  expect(world.plan()).toMatchObject({
    actions: [],
    waitingFor: { "sales-scheduler-tls": "the issuer has not issued it yet" },
  });
  await world.settle();
  expectAllOf(world, one.certificate);
  expect(world.root?.signer?.key).toBeUndefined();
  for (const [secret, leaf] of world.leaves)
    expect(leaf.certificate).toBe(world.issuer.issued.get(secret)?.certificate);
});

test("what the issuer renews is taken over, and nobody else renews", async () => {
  const world = await withIssuer();
  const before = world.leaves.get("sales-scheduler-tls")?.certificate;
  world.issuer.works = false;
  world.nowMs += 70 * day;
  expect(world.plan().actions).toEqual([]);
  world.issuer.works = true;
  await world.issuer.fill(world.nowMs);
  expect(world.plan().actions.map(({ kind }) => kind)).toEqual(["take-leaf", "take-leaf", "take-leaf"]);
  await world.settle();
  expect(world.leaves.get("sales-scheduler-tls")?.certificate).not.toBe(before);
  expectAllOf(world, one.certificate);
});

test("a renewal that people ask for is asked of the issuer, once", async () => {
  const world = await withIssuer();
  const before = new Map(world.leaves);
  world.requests = { renew: "now" };
  const asked = world.plan().actions;
  expect(asked.map(({ kind }) => kind)).toEqual(["ask-issuer", "ask-issuer", "ask-issuer"]);
  for (const action of asked) await world.write(action);
  // What is served stays until the issuer has answered.
  expect(world.leaves).toEqual(before);
  expect(world.plan()).toMatchObject({
    actions: [],
    waitingFor: { "sales-executor-0-tls": "the issuer has not issued it yet" },
  });
  await world.settle();
  for (const [secret, leaf] of world.leaves)
    expect(leaf.certificate).not.toBe(before.get(secret)?.certificate);
  expect(world.plan().actions).toEqual([]);
});

test("a certificate without a name that peers ask for is not used", async () => {
  const world = await withIssuer();
  const names = { ...schedulerNames(place), uris: [] };
  const pair = await issueLeaf(one, names, { nowMs: world.nowMs + day, validMs: 90 * day });
  world.issuer.issued.set("sales-scheduler-tls", { ...pair, root: one.certificate });
  expect(world.plan()).toMatchObject({
    actions: [],
    waitingFor: { "sales-scheduler-tls": "the issuer has left out URI:spiffe://data/sales/scheduler" },
  });
});

test("a root that the issuer changes is rotated in, whichever certificate shows it first", async () => {
  const world = await withIssuer();
  world.issuer.ca = two;
  world.nowMs += day;
  world.issuer.issued.delete("sales-executor-1-tls");
  await world.settle();
  expectAllOf(world, two.certificate);
});

test("between the operator's own root and an issuer's, both ways", async () => {
  const world = new CertificateWorld();
  await world.settle();
  const own = world.root?.signer?.certificate ?? "";
  world.issuer = new TestIssuer(one);
  expect(world.plan().actions).toEqual([]);
  await world.settle();
  expectAllOf(world, one.certificate);
  world.issuer = undefined;
  await world.settle();
  const back = world.root?.signer;
  expect(back?.key).toBeDefined();
  expect([own, one.certificate]).not.toContain(back?.certificate);
  expectAllOf(world, back?.certificate ?? "");
});

test("an issuer that is withdrawn in the middle of a rotation is left behind", async () => {
  const world = new CertificateWorld();
  await world.settle();
  world.issuer = new TestIssuer(one);
  await world.issuer.fill(world.nowMs);
  for (let round = 0; world.root?.phase !== "reissue"; round++) {
    expect(round).toBeLessThan(10);
    for (const action of world.plan().actions) await world.write(action);
    for (const node of nodeSecrets.keys()) world.load(node);
  }
  world.issuer = undefined;
  await world.settle();
  world.checkTrust();
  expect(world.root).toMatchObject({ phase: "stable", previous: [], signer: { key: expect.any(String) } });
});

test("nodes trust each other whatever issuers do, and in the end all is of the last one", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: nodeSecrets.length - 1 }).map((node) => ({ node })) },
    { weight: 4, arbitrary: fc.nat({ max: 4 }).map((writes) => ({ writes })) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 25 }).map((days) => ({ days })) },
    { weight: 1, arbitrary: fc.nat({ max: 2 }).map((ca) => ({ ca })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom({ event: "fill" }, { event: "renew" }, { event: "on" }, { event: "off" }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world: CertificateWorld = await withIssuer();
      let issuer = world.issuer;
      for (const [i, each] of steps.entries()) {
        world.nowMs += 1000;
        if ("node" in each) world.load(each.node);
        else if ("days" in each) {
          await world.issuer?.fill(world.nowMs);
          await world.settle();
          world.nowMs += each.days * day;
        } else if ("writes" in each) {
          for (const action of world.plan().actions.slice(0, each.writes)) await world.write(action);
        } else if ("ca" in each) {
          if (world.issuer !== undefined) world.issuer.ca = authorities[each.ca] ?? one;
        } else if (each.event === "fill") await world.issuer?.fill(world.nowMs);
        else if (each.event === "renew") world.requests = { renew: String(i) };
        else if (each.event === "off") {
          issuer = world.issuer ?? issuer;
          world.issuer = undefined;
        } else world.issuer ??= issuer;
        world.checkTrust();
      }
      await world.settle();
      world.checkTrust();
      expect(world.root).toMatchObject({ phase: "stable", previous: [] });
      expect(world.root?.signer?.key === undefined).toBe(world.issuer !== undefined);
      for (const leaf of world.leaves.values()) expect(readBundle(leaf.bundle)).toHaveLength(1);
    }),
    { numRuns: 15 },
  );
}, 60_000);

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("what an issuer put into a Secret is judged before nodes get it", async () => {
  const pair = await issueLeaf(one, schedulerNames(place), { nowMs: time.nowMs, validMs: day });
  const secret = (certificate: string, key: string, ca?: string) => ({
    "tls.crt": base64(certificate),
    "tls.key": base64(key),
    ...(ca === undefined ? {} : { "ca.crt": base64(ca) }),
  });
  const good = decodeIssued(secret(pair.certificate, pair.key, two.certificate + one.certificate));
  expect(shaOf(good?.root ?? "")).toBe(shaOf(one.certificate));
  expect(decodeIssued(secret("", ""))).toBeUndefined();
  for (const [data, message] of [
    [secret(pair.certificate, pair.key), "there is no ca.crt: this kind of issuer does not tell its root"],
    [secret(pair.certificate, pair.key, two.certificate), "tls.crt does not lead to ca.crt"],
    [secret(pair.certificate, two.key, one.certificate), "tls.key is not the key of tls.crt"],
    [secret(one.certificate, one.key, one.certificate), "tls.crt is its own root"],
  ] as const)
    expect(() => decodeIssued(data)).toThrow(message);
});
