import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { label } from "../src/api/names.ts";
import type { KubernetesObject, RenderContext } from "../src/render/context.ts";
import { renderExecutorStatefulSet } from "../src/render/executor-stateful-set.ts";
import { renderLeafSecret } from "../src/render/leaf-secret.ts";
import { renderCluster } from "../src/render/render-cluster.ts";
import { canonicalSpicepod, digestOf, nextSpicepodGeneration, restartHash } from "../src/render/spicepod.ts";
import type { Json } from "../src/schema/schema.ts";
import { validateCluster } from "../src/validate/validate.ts";
import { exampleContext, exampleNames, exampleResource } from "./examples.ts";

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: PodSpec;
    };
  };
}

interface PodSpec {
  readonly securityContext: Record<string, unknown>;
  readonly containers: readonly {
    readonly args: readonly string[];
    readonly securityContext: Record<string, unknown>;
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }[];
  readonly volumes: readonly Record<string, unknown>[];
}

const workloads = (objects: readonly KubernetesObject[]) =>
  objects.filter(({ kind }) => ["Deployment", "StatefulSet"].includes(kind)) as never as readonly Workload[];
const keyOf = ({ kind, metadata }: KubernetesObject) => `${kind}/${metadata.name}`;

/** Contexts are made once: parsing is what takes time. */
const contexts = new Map(exampleNames.map((name) => [name, exampleContext(name)]));

/** Any mixture of an example's own schedulers and another one's executors. */
const mixture = fc
  .record({
    scheduler: fc.constantFrom(...exampleNames),
    executor: fc.constantFrom(...exampleNames),
    replicas: fc.integer({ min: 0, max: 4 }),
  })
  .map(({ scheduler, executor, replicas }): RenderContext => {
    const context = contexts.get(scheduler)!;
    const other = contexts.get(executor)!;
    const { executorSpec } = other.cluster.spec;
    const observed = { ...context.observed, executors: other.observed.executors };
    const spec = { ...context.cluster.spec, executorSpec: { ...executorSpec, replicas } };
    const metadata = { ...context.cluster.metadata, name: "sales" };
    return { ...context, observed, cluster: { metadata, spec } };
  });

describe("every cluster", () => {
  test("renders the same twice", () => {
    fc.assert(
      fc.property(mixture, (context) => {
        expect(renderCluster(structuredClone(context))).toEqual(renderCluster(context));
      }),
    );
  });

  test("has owned and labelled objects with names of their own", () => {
    fc.assert(
      fc.property(mixture, (context) => {
        const objects = renderCluster(context);
        expect(new Set(objects.map(keyOf)).size).toBe(objects.length);
        for (const { metadata } of objects) {
          expect(metadata.labels[label.cluster]).toBe("sales");
          expect(metadata.labels["app.kubernetes.io/managed-by"]).toBe("spice-operator");
          expect(metadata.ownerReferences).toMatchObject([{ kind: "SpicepodCluster", controller: true }]);
          expect(metadata.namespace).toBe("data");
        }
      }),
    );
  });

  test("keeps its selectors whatever changes, and they match its pods", () => {
    fc.assert(
      fc.property(mixture, mixture, (before, after) => {
        const selectors = (context: RenderContext) =>
          new Map(workloads(renderCluster(context)).map((w) => [w.metadata.name, w.spec.selector]));
        const [old, now] = [selectors(before), selectors(after)];
        for (const [name, selector] of now) if (old.has(name)) expect(selector).toEqual(old.get(name));
        for (const { spec } of workloads(renderCluster(after)))
          expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      }),
    );
  });

  test("satisfies the restricted Pod Security Standard", () => {
    fc.assert(
      fc.property(mixture, (context) => {
        for (const { spec } of workloads(renderCluster(context))) {
          const pod = spec.template.spec;
          expect(pod.securityContext).toMatchObject({
            runAsNonRoot: true,
            seccompProfile: { type: "RuntimeDefault" },
          });
          for (const { securityContext } of pod.containers)
            expect(securityContext).toEqual({
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            });
        }
      }),
    );
  });

  test("mounts volumes that exist, none twice, and never the root", () => {
    fc.assert(
      fc.property(mixture, (context) => {
        const objects = renderCluster(context);
        expect(objects.some(({ kind }) => kind === "Secret")).toBe(false);
        expect(JSON.stringify(objects)).not.toMatch(/PRIVATE KEY|sales-ca"/);
        for (const { spec } of workloads(objects)) {
          const claims = (spec as never as { volumeClaimTemplates?: { metadata: { name: string } }[] })
            .volumeClaimTemplates;
          const known = [
            ...spec.template.spec.volumes.map(({ name }) => name),
            ...(claims ?? []).map(({ metadata }) => metadata.name),
          ];
          expect(new Set(known).size).toBe(known.length);
          const { volumeMounts } = spec.template.spec.containers[0]!;
          for (const { name } of volumeMounts) expect(known).toContain(name);
          expect(new Set(volumeMounts.map(({ mountPath }) => mountPath)).size).toBe(volumeMounts.length);
        }
      }),
    );
  });
});

test("names stay label values at the longest name", () => {
  const { cluster, ...context } = exampleContext("pod-monitor");
  const widest = { ...context, cluster: { ...cluster, spec: { ...cluster.spec } } };
  const { metadata } = renderExecutorStatefulSet(widest, 999);
  // The pod's label controller-revision-hash is the name and a hash of ten characters.
  expect(`${metadata.name}-0123456789`.length).toBeLessThanOrEqual(63);
});

test("an executor that leaves takes its claims along as the policy says", () => {
  const context = exampleContext("production");
  const leaving = {
    replicas: 0,
    retention: { whenScaled: "Delete", whenDeleted: "Delete" },
    drainedFor: "removal",
  } as const;
  expect(renderExecutorStatefulSet(context, 2, leaving)).toMatchObject({
    metadata: { annotations: { "spice.ai/drained-for": "removal" } },
    spec: {
      replicas: 0,
      persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete", whenDeleted: "Delete" },
    },
  });
  expect(renderExecutorStatefulSet(context, 2)).toMatchObject({
    spec: {
      replicas: 1,
      persistentVolumeClaimRetentionPolicy: { whenScaled: "Retain", whenDeleted: "Retain" },
    },
  });
});

test("key material is in the data of a leaf Secret only", () => {
  const context = exampleContext("minimal");
  const content = { certificate: "CERT", key: "SECRET-KEY", bundle: "ROOTS", answeredRequest: "7" };
  const { data, ...rest } = renderLeafSecret(
    context,
    { name: "sales-executor-0-tls", role: "executor", executor: 0 },
    content,
  );
  expect(data).toEqual({
    "tls.crt": Buffer.from("CERT").toString("base64"),
    "tls.key": Buffer.from("SECRET-KEY").toString("base64"),
    "ca.crt": Buffer.from("ROOTS").toString("base64"),
  });
  expect(JSON.stringify(rest)).not.toContain(Buffer.from("SECRET-KEY").toString("base64"));
  expect(rest).toMatchObject({ kind: "Secret", type: "kubernetes.io/tls" });
});

describe("the spicepod", () => {
  test("has one text, however it was written", () => {
    const one = { datasets: [], name: "a", runtime: { query: { memory_limit: "1GB" }, auth: {} } };
    const two = { runtime: { auth: {}, query: { memory_limit: "1GB" } }, name: "a", datasets: [] };
    expect(canonicalSpicepod(one, 4)).toBe(canonicalSpicepod(two, 4));
    expect(canonicalSpicepod(one, 4)).toMatch(/^name: a\nmetadata:\n {2}generation: 4\n/);
    expect(digestOf(one)).toBe(digestOf({ ...two, metadata: { generation: 9 } }));
  });

  test("counts changes of its content only", () => {
    expect(nextSpicepodGeneration("a", undefined)).toBe(1);
    expect(nextSpicepodGeneration("a", { digest: "a", generation: 4 })).toBe(4);
    expect(nextSpicepodGeneration("b", { digest: "a", generation: 4 })).toBe(5);
  });

  test("restarts nodes for what they cannot take over, and for nothing else", () => {
    const base = { runtime: { query: {} }, datasets: [] };
    expect(restartHash({ ...base, datasets: [{ name: "x" }] })).toBe(restartHash(base));
    expect(restartHash({ ...base, runtime: { query: { memory_limit: "1GB" } } })).not.toBe(restartHash(base));
  });
});

test("defaults survive a second pass", () => {
  for (const name of exampleNames) {
    const once = validateCluster(exampleResource(name)).cluster;
    const again = { apiVersion: "spice.ai/v2", kind: "SpicepodCluster", ...once } as never as Json;
    expect(validateCluster(again).cluster).toEqual(once);
  }
});
