import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import { key, specOf, World } from "./support/world.ts";

let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

/** What there is in the end, without what differs between runs: versions, times, keys. */
function outcome(): unknown {
  const collections = ["/configmaps", "/services", "apps/deployments", "apps/statefulsets"];
  const plain = ({ kind, metadata, ...rest }: KubeObject & { spec?: unknown }) => ({
    kind,
    name: metadata.name,
    labels: metadata.labels,
    spec: rest.spec,
  });
  return {
    objects: collections.flatMap((each) => world.api.store.list(each).map(plain)),
    secrets: world.api.store.list("/secrets").map(({ metadata }) => metadata.name),
    conditions: world.status().conditions?.map(({ type, status, reason }) => [type, status, reason]),
  };
}

async function fresh(): Promise<World> {
  await world.stop();
  world = new World();
  await world.flush();
  return world;
}

test("an operator that dies at any request of a creation is resumed", async () => {
  world.create(specOf());
  await world.rest();
  const wanted = outcome();
  let deaths = 0;
  for (const when of ["before", "after"] as const) {
    // A lost reply is the same as a death before the next request, but for what the server has done.
    for (let place = when === "before" ? 0 : 1; ; place += 2) {
      await fresh();
      world.create(specOf());
      world.crashAt(place, when, "requests");
      const alive = await world.rest().then(
        () => true,
        () => false,
      );
      if (alive && !world.isDead) break;
      expect(world.isDead).toBe(true);
      deaths += 1;
      await world.restart();
      await world.rest();
      expect(outcome()).toEqual(wanted);
      expect(world.admin.untrusted()).toEqual([]);
    }
  }
  expect(deaths).toBeGreaterThan(14);
}, 180_000);

/**
 * Asks for something again and again; the operator dies at one write after the other, before the server has it and after.
 * All nodes trust each other throughout, and in the end the request is answered. Answers how often it died.
 */
async function dieAtWrites(request: string, check: (answer: string) => void): Promise<number> {
  world.create(specOf());
  await world.rest();
  let deaths = 0;
  for (const when of ["before", "after"] as const) {
    for (let place = 0; ; place++) {
      const answer = `${when}-${place}`;
      annotate({ [request]: answer })();
      await world.flush();
      world.crashAt(place, when);
      for (let before = -1; before !== world.api.store.revision && !world.isDead; ) {
        before = world.api.store.revision;
        await world.round();
        expect(world.admin.untrusted()).toEqual([]);
        await world.clock.advance(5_000);
      }
      const died = world.isDead;
      await world.restart();
      await world.rest();
      expect(world.admin.untrusted()).toEqual([]);
      expect(world.condition("CertificatesReady")).toMatchObject({ reason: "CertificatesIssued" });
      check(answer);
      if (!died) break;
      deaths += 1;
    }
  }
  return deaths;
}

const annotate = (annotations: Record<string, string>) => () =>
  world.edit(({ metadata }) => ({ metadata: { ...metadata, annotations } }));

function secret(name: string): string {
  const data = (world.get("/secrets", `data/${name}`) as { data?: Record<string, string> }).data ?? {};
  return data["tls.crt"] ?? "";
}

test("an operator that dies at any write of a renewal is resumed", async () => {
  const seen = new Set<string>();
  const deaths = await dieAtWrites("spice.ai/renew-certificates", (answer) => {
    for (const name of ["sales-scheduler-tls", "sales-executor-0-tls", "sales-executor-1-tls"]) {
      expect(world.get("/secrets", `data/${name}`).metadata.annotations).toMatchObject({
        "spice.ai/answered-request": answer,
      });
      expect(seen).not.toContain(secret(name));
      seen.add(secret(name));
    }
  });
  expect(deaths).toBeGreaterThanOrEqual(6);
}, 180_000);

test("an operator that dies at any write of a rotation is resumed", async () => {
  const seen = new Set<string>();
  const deaths = await dieAtWrites("spice.ai/rotate-root", (answer) => {
    expect(seen).not.toContain(secret("sales-ca"));
    seen.add(secret("sales-ca"));
    expect(world.get("/secrets", "data/sales-ca").metadata.annotations).toMatchObject({
      "spice.ai/rotation-phase": "stable",
      "spice.ai/answered-request": answer,
    });
  });
  // Each twice: begin, promote, retire, finish; three leaves three times; a status for each phase
  expect(deaths).toBeGreaterThanOrEqual(26);
}, 120_000);

test("leaves renew after two thirds of their life, without anybody asking", async () => {
  world.create(specOf());
  await world.rest();
  const before = secret("sales-scheduler-tls");
  const { outcome: then } = await world.operator.reconcile(key);
  // With few clusters their schedulers are asked about once a minute.
  const { ms } = then as { readonly ms: number };
  expect([then.kind, ms >= 54_000, ms <= 66_000]).toEqual(["after", true, true]);
  // Nobody has to be there in between.
  await world.operator.stop();
  await world.clock.advance(61 * 86_400_000);
  await world.restart();
  await world.rest();
  expect(secret("sales-scheduler-tls")).not.toBe(before);
  expect(world.operator.events).toContainEqual(
    expect.objectContaining({
      reason: "CertificatesIssued",
      note: "sales-scheduler-tls, sales-executor-0-tls, sales-executor-1-tls: two thirds of its life are over",
    }),
  );
});

test("a rotation waits for the last node and names it", async () => {
  world.create(specOf());
  await world.rest();
  annotate({ "spice.ai/rotate-root": "1" })();
  world.loads = false;
  for (let i = 0; i < 10; i++) {
    world.admin.load((pod) => pod !== "sales-executor-1-0");
    await world.round();
    await world.clock.advance(5_000);
  }
  expect(world.status().certificates?.rotation).toEqual({
    phase: "trust",
    waitingFor: { "sales-executor-1-0": "does not trust the next root yet" },
  });
  expect(world.condition("CertificatesReady")).toMatchObject({ status: "True", reason: "RootRotation" });
  expect(world.condition("Ready")?.status).toBe("True");
  world.loads = true;
  await world.rest();
  expect(world.status().certificates?.rotation).toBeUndefined();
});

test("a lost root comes back by a rotation in which nodes trust each other", async () => {
  world.create(specOf());
  await world.rest();
  world.api.store.delete("/secrets", "data/sales-ca");
  await world.clock.advance(600_000);
  for (let i = 0; i < 30; i++) {
    await world.round();
    expect(world.admin.untrusted()).toEqual([]);
    await world.clock.advance(5_000);
  }
  expect(world.condition("CertificatesReady")?.reason).toBe("CertificatesIssued");
});

test.each(["sales-executor-0-tls", "sales-scheduler-tls"])(
  "a root and %s that are lost together come back",
  async (leaf) => {
    world.create(specOf());
    await world.rest();
    for (const lost of ["sales-ca", leaf]) {
      world.api.store.delete("/secrets", `data/${lost}`);
      await world.clock.advance(600_000);
      await world.round();
    }
    for (let i = 0; i < 30; i++) {
      await world.round();
      await world.clock.advance(5_000);
    }
    expect(world.condition("CertificatesReady")?.reason).toBe("CertificatesIssued");
    expect(world.condition("Ready")?.status).toBe("True");
    expect(world.admin.untrusted()).toEqual([]);
  },
);

test("each API call may fail once", async () => {
  world.create(specOf());
  await world.rest();
  const wanted = outcome();
  await fresh();
  const failed = new Set<string>();
  world.api.fault = ({ method, path, query }) => {
    const call = `${method} ${path}`;
    if (query.has("watch") || query.has("limit") || failed.has(call)) return undefined;
    failed.add(call);
    return failed.size % 2 === 0 ? "drop" : { code: 500, body: { message: "etcd is away" } };
  };
  world.create(specOf());
  await world.rest();
  expect(failed.size).toBeGreaterThan(15);
  expect(outcome()).toEqual(wanted);
});

test("what an API server refuses for good is told, and nothing else is hidden by it", async () => {
  world.create(specOf());
  world.api.fault = ({ method, path }) =>
    method === "PATCH" && path.includes("/poddisruptionbudgets")
      ? { code: 403, body: { message: "poddisruptionbudgets is forbidden", reason: "Forbidden" } }
      : undefined;
  const seconds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await world.round();
      await world.clock.advance(1_000);
    }
  };
  await seconds(15);
  // An API server that starts may refuse what it allows soon.
  expect(world.condition("Degraded")?.reason).not.toBe("ApiError");
  await seconds(20);
  expect(world.condition("Degraded")).toMatchObject({ status: "True", reason: "ApiError" });
  expect(world.condition("Degraded")?.message).toContain("poddisruptionbudgets is forbidden");
  expect(world.condition("Ready")?.status).toBe("True");
  const before = world.writes().length;
  await world.round();
  // The refused write is tried again; the status stays as it is.
  expect(world.writes().length - before).toBe(1);
  world.api.fault = () => undefined;
  await world.rest();
  expect(world.condition("Degraded")?.status).toBe("False");
});
