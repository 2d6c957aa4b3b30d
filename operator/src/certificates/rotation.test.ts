import { describe, expect, test } from "@jest/globals";
import { type CertificateFacts, certificateFacts, readBundle } from "@spice-shards/certificates";
import fc from "fast-check";
import { observeLeaf } from "./leaf-content.ts";
import { operatorNames } from "./leaf-names.ts";
import { renewalMs } from "./policy.ts";
import { CertificateWorld, day, nodeSecrets, place, wantedNames } from "./testing/certificate-world.ts";

async function running(): Promise<CertificateWorld> {
  const world = new CertificateWorld();
  await world.settle();
  return world;
}

const rootSha = (world: CertificateWorld) => certificateFacts(world.root!.signer!.certificate).sha256;

test("a new cluster gets a root and leaves with its names", async () => {
  const world = await running();
  world.checkTrust();
  expect(world.root?.phase).toBe("stable");
  const leaf = observeLeaf(world.leaves.get("sales-executor-1-tls")!, world.root);
  expect(leaf.alternativeNames).toBe(
    "DNS:sales-executor-1-0.sales-executor.data.svc.cluster.local, DNS:sales-executor-1-0.sales-executor.data.svc, DNS:executor.sales.data, URI:spiffe://data/sales/executor/1",
  );
  expect(leaf.issuer).toBe(rootSha(world));
  expect(operatorNames(place).hosts).toEqual(["operator.sales.data"]);
  expect(JSON.stringify(world.plan())).not.toContain("PRIVATE");
});

test("at rest nothing is planned until two thirds of the leaves' life", async () => {
  const world = await running();
  const facts: CertificateFacts = certificateFacts([...world.leaves.values()][0]!.certificate);
  expect(world.plan()).toEqual({ actions: [], waitingFor: {}, nextCheckMs: renewalMs(facts) });
  world.nowMs = renewalMs(facts) - 1;
  expect(world.plan().actions).toEqual([]);
  world.nowMs += 1;
  expect(world.plan().actions).toEqual(
    [...wantedNames.keys()].map((secret) => ({
      kind: "issue-leaf",
      secret,
      reason: "two thirds of its life are over",
    })),
  );
  const before = rootSha(world);
  await world.settle();
  expect(rootSha(world)).toBe(before);
});

test("a root is rotated after two thirds of its life, and when asked, once", async () => {
  const world = await running();
  const first = rootSha(world);
  world.requests = { rotateRoot: "please" };
  await world.settle();
  const second = rootSha(world);
  expect(second).not.toBe(first);
  expect(world.root).toMatchObject({ phase: "stable", previous: [], answeredRequest: "please" });
  for (const leaf of world.leaves.values()) expect(readBundle(leaf.bundle)).toHaveLength(1);
  world.checkTrust();
  world.nowMs += 2440 * day;
  await world.settle();
  expect(rootSha(world)).not.toBe(second);
});

test("a renewal that people ask for is answered once", async () => {
  const world = await running();
  const before = new Map(world.leaves);
  world.requests = { renew: "now" };
  await world.settle();
  for (const [secret, leaf] of world.leaves)
    expect(leaf.certificate).not.toBe(before.get(secret)?.certificate);
  expect(world.plan().actions).toEqual([]);
});

describe("a rotation waits", () => {
  test.each([
    ["trust", "does not trust the next root yet"],
    ["reissue", "has not loaded its new certificate yet"],
    ["retire", "still trusts the old root"],
  ])("in %s for the last node", async (phase, lack) => {
    const world = await running();
    world.requests = { rotateRoot: "x" };
    for (let round = 0; world.root?.phase !== phase && round < 20; round++) {
      for (const action of world.plan().actions) await world.write(action);
      if (world.root?.phase === phase) break;
      for (const node of nodeSecrets.keys()) world.load(node);
    }
    for (const action of world.plan().actions) await world.write(action);
    for (const node of nodeSecrets.keys()) if (node !== 2) world.load(node);
    expect(world.plan()).toMatchObject({ actions: [], waitingFor: { "node-2": lack } });
    world.loaded[2] = undefined;
    expect(world.plan().waitingFor).toEqual({ cluster: "1 of 4 nodes have not reported" });
    world.reachable = false;
    expect(world.plan()).toMatchObject({ actions: [], waitingFor: { cluster: "no scheduler answers" } });
  });
});

test("the operator may die after any write of a rotation", async () => {
  for (let crash = 1; ; crash++) {
    const world = await running();
    world.requests = { rotateRoot: "x" };
    const first = rootSha(world);
    const start = world.writes;
    let died = false;
    for (let round = 0; round < 40 && !died; round++) {
      for (const action of world.plan().actions) {
        await world.write(action);
        world.checkTrust();
        if (world.writes - start === crash) {
          died = true;
          break;
        }
      }
      if (!died) for (const node of nodeSecrets.keys()) world.load(node);
    }
    await world.settle();
    world.checkTrust();
    expect(rootSha(world)).not.toBe(first);
    expect(world.root?.phase).toBe("stable");
    if (!died) {
      // begin, promote, retire, finish, and three writes to each of three leaves
      expect(crash).toBe(14);
      break;
    }
  }
});

test("nodes trust each other in every order of writes, loads, crashes and lost roots", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: nodeSecrets.length - 1 }).map((node) => ({ node })) },
    { weight: 3, arbitrary: fc.nat({ max: 4 }).map((writes) => ({ writes })) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((days) => ({ days })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom({ event: "rotate" }, { event: "renew" }, { event: "lose-root" }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = await running();
      for (const [i, each] of steps.entries()) {
        if ("node" in each) world.load(each.node);
        else if ("days" in each) {
          // The kubelet is never a third of a leaf's life behind.
          for (const node of nodeSecrets.keys()) world.load(node);
          world.nowMs += each.days * day;
        } else if ("writes" in each) {
          for (const action of world.plan().actions.slice(0, each.writes)) await world.write(action);
        } else if (each.event === "rotate") world.requests = { ...world.requests, rotateRoot: String(i) };
        else if (each.event === "renew") world.requests = { ...world.requests, renew: String(i) };
        else world.root = undefined;
        world.checkTrust();
      }
      await world.settle();
      world.checkTrust();
      expect(world.root?.phase).toBe("stable");
      for (const leaf of world.leaves.values()) expect(readBundle(leaf.bundle)).toHaveLength(1);
    }),
    { numRuns: 25 },
  );
});
