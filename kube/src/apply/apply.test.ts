import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Patch } from "../client/client.ts";
import type { KubeObject } from "../client/object.ts";
import type { ResourceType } from "../client/resource-type.ts";
import { StatusError } from "../client/status-error.ts";
import { Applier, ForeignOwnerError } from "./applier.ts";
import { toApply } from "./canonical.ts";
import { differences } from "./differences.ts";
import { parseQuantity, sameQuantity } from "./quantity.ts";
import { type ListRule, listRulesOf } from "./schema-rules.ts";

const deployments: ResourceType = {
  group: "apps",
  version: "v1",
  plural: "deployments",
  kind: "Deployment",
  namespaced: true,
};
type Loose = KubeObject & Record<string, unknown>;

const deployment = (): Loose => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d", namespace: "ns", labels: { app: "d" } },
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: "main",
            args: ["--a", "--b"],
            ports: [{ containerPort: 80 }],
            env: [{ name: "EMPTY", value: "" }],
            resources: { requests: { cpu: "0.5", memory: "1024Mi" } },
          },
        ],
        volumes: [{ name: "tmp", emptyDir: {} }],
        tolerations: [{ key: "a", operator: "Exists" }],
      },
    },
  },
});

/** The same as a server returns it: defaulted, rewritten, and with another's side-car and label. */
const asServed = (): Loose => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d", namespace: "ns", uid: "u", resourceVersion: "1", labels: { team: "x", app: "d" } },
  spec: {
    replicas: 1,
    template: {
      metadata: { creationTimestamp: null },
      spec: {
        restartPolicy: "Always",
        containers: [
          { name: "sidecar", image: "other" },
          {
            name: "main",
            imagePullPolicy: "Always",
            args: ["--a", "--b"],
            ports: [{ containerPort: 80, protocol: "TCP" }],
            env: [{ name: "EMPTY" }, { name: "INJECTED", value: "1" }],
            resources: { requests: { cpu: "500m", memory: "1Gi" } },
          },
        ],
        volumes: [{ name: "tmp", emptyDir: {} }],
        tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute" }],
      },
    },
  },
});

const compare = (wanted: Loose, live: Loose) =>
  differences(wanted, live, listRulesOf("Deployment")).map(({ path }) => path);

/** An API server with one object, which applies as `serve` says. */
function fakeClient(serve: (object: Loose, before: Loose | undefined) => Loose = (object) => object) {
  const state = { live: undefined as Loose | undefined, writes: 0 };
  return {
    state,
    async get<T extends KubeObject>(): Promise<T> {
      if (state.live === undefined) throw new StatusError(404, { reason: "NotFound" }, "get");
      return state.live as KubeObject as T;
    },
    async apply<T extends KubeObject>(_type: ResourceType, object: T): Promise<T> {
      state.writes += 1;
      state.live = serve(structuredClone(object) as KubeObject as Loose, state.live);
      return state.live as KubeObject as T;
    },
    /** Removals only, as the applier sends them. */
    async patch<T extends KubeObject>(_type: ResourceType, _target: unknown, patch: Patch): Promise<T> {
      state.writes += 1;
      const live = structuredClone(state.live) as Loose;
      for (const { op, path, value } of patch.body as { op: string; path: string; value?: unknown }[]) {
        const steps = path.slice(1).split("/");
        const last = steps.pop() as string;
        const holder = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], live);
        if (op === "test") expect((holder as Record<string, unknown>)[last]).toEqual(value);
        else (holder as unknown[]).splice(Number(last), 1);
      }
      state.live = live;
      return live as KubeObject as T;
    },
  };
}
const applierOf = (client: ReturnType<typeof fakeClient>) =>
  new Applier({ client, fieldManager: "me", annotation: "example.com/applied" });

describe("quantities", () => {
  it("are equal however they are written", () => {
    const equal = [
      ["0.5", "500m"],
      ["1", 1],
      ["1024Mi", "1Gi"],
      ["1e3", "1k"],
      ["1.5Gi", "1536Mi"],
      ["100E", "1e20"],
      ["0", "0m"],
    ];
    for (const [a, b] of equal) expect([a, b, sameQuantity(a, b)]).toEqual([a, b, true]);
    for (const [a, b] of [
      ["1", "1m"],
      ["1G", "1Gi"],
      ["x", "x"],
      ["", ""],
      ["1Kb", "1Kb"],
    ]) {
      expect([a, b, sameQuantity(a, b)]).toEqual([a, b, false]);
    }
    fc.assert(
      fc.property(fc.nat(1_000_000), (n) => {
        expect(parseQuantity(`${n}m`)! * 1000n).toBe(parseQuantity(`${n}`));
        expect(sameQuantity(`${n}Mi`, `${n * 1024}Ki`)).toBe(true);
      }),
    );
  });
});

describe("differences", () => {
  it("sees none in what the server adds or writes otherwise", () => {
    expect(compare(deployment(), asServed())).toEqual([]);
  });

  it("names every field of ours that changed, went, or was added to a list that is ours", () => {
    const edit = (change: (main: Record<string, unknown>, live: Loose) => void) => {
      const live = structuredClone(asServed());
      const spec = live["spec"] as { template: { spec: { containers: Record<string, unknown>[] } } };
      change(spec.template.spec.containers[1]!, live);
      return compare(deployment(), live);
    };
    const main = "spec.template.spec.containers[name=main]";
    expect(edit((c) => (c["args"] = ["--a", "--b", "--c"]))).toEqual([`${main}.args`]);
    expect(edit((c) => (c["args"] = ["--b", "--a"]))).toEqual([`${main}.args[0]`, `${main}.args[1]`]);
    expect(edit((c) => (c["resources"] = { requests: { cpu: "501m", memory: "1Gi" } }))).toEqual([
      `${main}.resources.requests.cpu`,
    ]);
    expect(edit((c) => (c["name"] = "renamed"))).toEqual([main]);
    expect(edit((c) => (c["env"] = [{ name: "EMPTY", value: "full" }]))).toEqual([
      `${main}.env[name=EMPTY].value`,
    ]);
    expect(edit((_, live) => ((live["metadata"] as { labels?: unknown }).labels = {}))).toEqual([
      "metadata.labels.app",
    ]);
  });

  it("is empty for any subset of a live object, and not for any changed leaf", () => {
    const leaf = fc.oneof(fc.string({ minLength: 1 }), fc.integer({ min: 1 }), fc.constant(true));
    const tree = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.dictionary(fc.stringMatching(/^x[a-d]$/), tie("node"), { minKeys: 1, maxKeys: 4 }),
        fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^y[a-d]$/), tree, { minKeys: 1 }),
        fc.nat(),
        (live, seed) => {
          let draw = seed;
          const keep = () => {
            draw = (draw * 1103515245 + 12345) % 2 ** 31;
            return draw % 3 !== 0;
          };
          const subset = (value: unknown): unknown =>
            Array.isArray(value)
              ? value.map(subset)
              : value !== null && typeof value === "object"
                ? Object.fromEntries(
                    Object.entries(value)
                      .filter(keep)
                      .map(([k, v]) => [k, subset(v)]),
                  )
                : value;
          const wanted = subset(live) as Record<string, unknown>;
          const rules = listRulesOf("Any");
          expect(differences(wanted, structuredClone(live), rules)).toEqual([]);
          const change = (value: unknown): unknown => {
            if (Array.isArray(value)) return value.map((item, i) => (i === 0 ? change(item) : item));
            if (value === null || typeof value !== "object") return `${String(value)}!`;
            const [first] = Object.entries(value);
            return first === undefined ? "was empty" : { ...value, [first[0]]: change(first[1]) };
          };
          if (Object.keys(wanted).length > 0)
            expect(differences(change(wanted), live, rules)).toHaveLength(1);
        },
      ),
    );
  });
});

describe("Applier", () => {
  it("takes items away from lists that are exclusive", async () => {
    // Server-side apply keeps what others have added.
    const client = fakeClient((object) => {
      const served = asServed();
      return { ...served, metadata: { ...served.metadata, ...object.metadata } };
    });
    const containers: ListRule = { kind: "map", keys: ["name"], exclusive: true };
    const applier = new Applier({
      client,
      fieldManager: "me",
      annotation: "example.com/applied",
      listRules: { Deployment: { "spec.template.spec.containers": containers } },
    });
    client.state.live = asServed();
    const { kind, object } = await applier.apply(deployments, deployment());
    const { template } = object["spec"] as { template: { spec: { containers: { name: string }[] } } };
    expect([kind, template.spec.containers.map(({ name }) => name)]).toEqual(["updated", ["main"]]);
    expect((await applier.apply(deployments, deployment())).kind).toBe("unchanged");
    expect(client.state.writes).toBe(2);
  });

  it("makes room for an item whose key was edited when the server cannot have both", async () => {
    const service = (ports: object[]): Loose => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace: "ns", resourceVersion: "1" },
      spec: { ports },
    });
    const wanted = service([{ name: "http", port: 80 }]);
    const edited = service([
      { name: "other", port: 99, protocol: "TCP" },
      { name: "http", port: 81, protocol: "TCP" },
    ]);
    const client = fakeClient((object, before) => {
      const names = ((before?.["spec"] as { ports?: { name: string }[] })?.ports ?? []).map((p) => p.name);
      if (names.includes("http")) throw new StatusError(422, { reason: "Invalid" }, "patch");
      return object;
    });
    client.state.live = edited;
    expect((await applierOf(client).apply(deployments, wanted)).kind).toBe("updated");
    // Without anything in the way, what the server refuses is refused.
    const picky = fakeClient(() => {
      throw new StatusError(422, { reason: "Invalid" }, "patch");
    });
    picky.state.live = service([{ name: "http", port: 80 }]);
    const refused = applierOf(picky).apply(deployments, service([{ name: "x y", port: 80 }]));
    await expect(refused).rejects.toMatchObject({ code: 422 });
    expect(picky.state.writes).toBe(1);
  });

  describe("of lists that others may add to", () => {
    const env = (...items: object[]): Loose => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", namespace: "ns", resourceVersion: "1" },
      spec: { template: { spec: { containers: [{ name: "main", env: items }] } } },
    });
    type Spec = { template: { spec: { containers: { env: { name: string }[] }[] } } };
    const envOf = (object: Loose) => (object["spec"] as Spec).template.spec.containers[0]?.env ?? [];
    const namesOf = (object: KubeObject) => envOf(object as Loose).map(({ name }) => name);
    /** A server that keeps what others have added, last. */
    const merging = () =>
      fakeClient((object, before) => {
        const ours = new Set(namesOf(object));
        const theirs = before === undefined ? [] : envOf(before).filter(({ name }) => !ours.has(name));
        return { ...env(...envOf(object), ...theirs), metadata: { ...before?.metadata, ...object.metadata } };
      });
    const after = async (wanted: Loose, live: Loose) => {
      const client = merging();
      client.state.live = live;
      const applier = applierOf(client);
      const { object } = await applier.apply(deployments, wanted);
      expect((await applier.apply(deployments, wanted)).kind).toBe("unchanged");
      return namesOf(object);
    };
    const a = { name: "A", value: "1" };
    const b = { name: "B", value: "2" };
    const field = (name: string) => ({ name, valueFrom: { fieldRef: { fieldPath: "status.podIP" } } });

    it("takes away an item of ours that stands there under another key", async () => {
      expect(await after(env(a, b), env({ ...a, name: "X" }, b))).toEqual(["A", "B"]);
      expect(await after(env(a, b), env({ ...a, name: "X" }, { ...b, name: "Y" }))).toEqual(["A", "B"]);
      // With what the server filled in.
      const served = { name: "X", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.podIP" } } };
      expect(await after(env(field("A")), env(served))).toEqual(["A"]);
    });

    it("keeps what others added", async () => {
      const injected = { name: "X", value: "9" };
      expect(await after(env(a, b), env(b, injected))).toEqual(["A", "B", "X"]);
      expect(await after(env(a, b), env(injected, { ...a, name: "Y" }))).toEqual(["A", "B", "X"]);
      // Nothing of ours is missing, so what looks like it is somebody's own.
      expect(await after(env(a, b), env(a, { ...b, value: "3" }, { ...a, name: "Y" }))).toEqual([
        "A",
        "B",
        "Y",
      ]);
      // Two could be the one that is missing: at least one is somebody's own.
      expect(await after(env(a), env({ ...a, name: "Y" }, { ...a, name: "Z" }))).toEqual(["A", "Y", "Z"]);
      // Of ours nothing but the name is wanted, so every other item would do.
      expect(await after(env({ name: "A" }), env(injected))).toEqual(["A", "X"]);
    });
  });

  it("creates, then writes nothing until something differs", async () => {
    const client = fakeClient();
    const applier = applierOf(client);
    expect((await applier.apply(deployments, deployment())).kind).toBe("created");
    expect((await applier.apply(deployments, deployment())).kind).toBe("unchanged");
    client.state.live = { ...client.state.live!, metadata: { ...client.state.live!.metadata, labels: {} } };
    const repaired = await applier.apply(deployments, deployment());
    expect(repaired).toMatchObject({
      kind: "updated",
      because: [{ path: "metadata.labels.app", wanted: "d" }],
    });
    const { spec: _spec, ...less } = deployment();
    expect(await applier.apply(deployments, less as Loose)).toMatchObject({
      kind: "updated",
      because: "removed",
    });
    expect((await applier.apply(deployments, less as Loose)).kind).toBe("unchanged");
    expect(client.state.writes).toBe(3);
  });

  it("writes once, not for ever, what the server keeps otherwise; and again when someone changes it", async () => {
    const client = fakeClient((object) => ({ ...object, odd: "normalised" }));
    const applier = applierOf(client);
    const wanted: Loose = { ...deployment(), odd: "Normalised" };
    for (let i = 0; i < 5; i++) await applier.apply(deployments, wanted);
    expect(client.state.writes).toBe(1);
    client.state.live = { ...client.state.live!, odd: "edited" };
    for (let i = 0; i < 5; i++) await applier.apply(deployments, wanted);
    expect(client.state.writes).toBe(2);
  });

  it("leaves alone what is being deleted and refuses what belongs to another", async () => {
    const owner = (uid: string) => ({ apiVersion: "v1", kind: "K", name: uid, uid, controller: true });
    const owned = (uid: string): Loose => ({
      ...deployment(),
      metadata: { name: "d", namespace: "ns", ownerReferences: [owner(uid)] },
    });
    const client = fakeClient();
    const applier = applierOf(client);
    await applier.apply(deployments, owned("a"));
    await expect(applier.apply(deployments, owned("b"))).rejects.toBeInstanceOf(ForeignOwnerError);
    const live = {
      ...client.state.live!,
      metadata: { ...client.state.live!.metadata, deletionTimestamp: "t" },
    };
    const result = await applier.apply(deployments, owned("a"), { live: { object: live } });
    expect(result.kind).toBe("terminating");
    expect(client.state.writes).toBe(1);
  });

  it("writes a status only when it differs in anything", async () => {
    const client = fakeClient();
    const applier = applierOf(client);
    const withStatus = (status: unknown): Loose => ({ ...deployment(), status });
    const live = withStatus({ a: 1, b: [2] });
    expect((await applier.applyStatus(deployments, withStatus({ b: [2], a: 1 }), live)).kind).toBe(
      "unchanged",
    );
    expect((await applier.applyStatus(deployments, withStatus({ a: 1 }), live)).kind).toBe("updated");
    expect(client.state.live).toEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", namespace: "ns" },
      status: { a: 1 },
    });
  });

  it("sends no server-side field and a Secret's text as data", () => {
    const secret: Loose = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "s",
        uid: "u",
        resourceVersion: "3",
        creationTimestamp: "t",
        generation: 1,
        managedFields: [],
      },
      stringData: { a: "text" },
      status: {},
      nothing: null,
    };
    expect(toApply(secret)).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      data: { a: "dGV4dA==" },
    });
  });

  it("never writes twice for equal wants, generated", async () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
        fc.dictionary(fc.string(), value),
        async (spec, data) => {
          const client = fakeClient();
          const applier = applierOf(client);
          const wanted = (reverse: boolean): Loose => ({
            ...deployment(),
            spec: Object.fromEntries(reverse ? Object.entries(spec).reverse() : Object.entries(spec)),
            data,
          });
          await applier.apply(deployments, wanted(false));
          expect((await applier.apply(deployments, wanted(true))).kind).toBe("unchanged");
          // A new process, which remembers nothing, writes nothing either.
          expect((await applierOf(client).apply(deployments, wanted(false))).kind).toBe("unchanged");
          expect(client.state.writes).toBe(1);
        },
      ),
    );
  });
});
