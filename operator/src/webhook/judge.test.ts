import { describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../schema/schema.ts";
import { formatFieldProblem } from "../validate/validate.ts";
import type { AdmissionPolicy } from "./admission-policy.ts";
import { judge } from "./judge.ts";
import type { LocatedCluster, StorageClass } from "./lookups.ts";
import { answerReview, parseReview } from "./review.ts";

const spicepod = { runtime: { scheduler: { state_location: "s3://bucket/state/" } }, datasets: [] };
const claim = (storage: string, storageClassName?: string): JsonObject => ({
  metadata: { name: "data" },
  spec: {
    ...(storageClassName === undefined ? {} : { storageClassName }),
    resources: { requests: { storage } },
  },
});

function resource(
  executorSpec: JsonObject = {},
  metadata: JsonObject = {},
  more: JsonObject = {},
): JsonObject {
  return {
    apiVersion: "spice.ai/v2",
    kind: "SpicepodCluster",
    metadata: { name: "sales", namespace: "data", ...metadata },
    spec: { schedulerSpec: { spicepod }, executorSpec, ...more },
  };
}

interface Case {
  readonly old?: JsonObject;
  readonly policy?: AdmissionPolicy;
  readonly classes?: readonly StorageClass[] | Error;
  readonly others?: readonly LocatedCluster[];
  /** Secrets and ConfigMaps of the namespace. */
  readonly present?: readonly string[];
  readonly certManager?: boolean;
}

async function verdictOn(
  object: JsonObject,
  { old, policy = "err", classes = [], others = [], present = [], certManager = false }: Case = {},
) {
  const request =
    old === undefined
      ? ({ uid: "1", operation: "CREATE", object } as const)
      : ({ uid: "1", operation: "UPDATE", object, oldObject: old } as const);
  const lookups = {
    storageClasses: async () => {
      if (classes instanceof Error) throw classes;
      return classes;
    },
    stateLocations: async () => others,
    hasCertManager: async () => certManager,
    exists: async (kind: string, namespace: string, name: string) =>
      present.includes(`${kind} ${namespace}/${name}`),
  };
  const verdict = await judge(request, { policy, lookups }, new AbortController().signal);
  return {
    problems: verdict.problems.map(formatFieldProblem),
    warnings: verdict.warnings.map(formatFieldProblem),
  };
}

const level = (value: string) => ({ annotations: { "spice.ai/validation-level": value } });
const bad = (metadata: JsonObject = {}) => resource({ replicas: -1 }, metadata);
const badLine = "spec.executorSpec.replicas: must be at least 0, found -1.";

describe("strictness", () => {
  test("is the operator's, or the resource's own", async () => {
    expect(await verdictOn(resource())).toEqual({ problems: [], warnings: [] });
    expect(await verdictOn(bad())).toEqual({ problems: [badLine], warnings: [] });
    expect(await verdictOn(bad(), { policy: "warn" })).toEqual({ problems: [], warnings: [badLine] });
    expect(await verdictOn(bad(), { policy: "off" })).toEqual({ problems: [], warnings: [] });
    expect(await verdictOn(bad(level("warn")))).toEqual({ problems: [], warnings: [badLine] });
    expect(await verdictOn(bad(level("off")))).toEqual({ problems: [], warnings: [] });
    expect(await verdictOn(bad(level("err")), { policy: "off" })).toEqual({
      problems: [badLine],
      warnings: [],
    });
  });

  test("that is misspelt is a problem itself", async () => {
    const line = `metadata.annotations["spice.ai/validation-level"]: must be one of err, warn, off, found "none".`;
    expect(await verdictOn(resource({}, level("none")))).toEqual({ problems: [line], warnings: [] });
  });
});

describe("what is refused names its field", () => {
  test.each([
    [
      "an unknown field",
      resource({ replica: 1 }),
      "spec.executorSpec.replica: unknown field. Did you mean replicas?",
    ],
    [
      "a wrong spicepod",
      resource({}, {}, { schedulerSpec: { spicepod: { datasets: [{ name: "t" }] } } }),
      /^spec\.schedulerSpec\.spicepod\.datasets\[0\]/,
    ],
    [
      "a reserved label",
      resource({ labels: { "spice.ai/cluster": "x" } }),
      /^spec\.executorSpec.*spice\.ai\//,
    ],
    ["a long name", resource({}, { name: "x".repeat(39) }), /^metadata\.name: .*at most 38 characters/],
  ])("%s", async (_, object, line) => {
    const { problems } = await verdictOn(object);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(line);
  });

  test("an immutable field of an update", async () => {
    const old = resource({ volumeClaimTemplates: [claim("10Gi", "fast")] });
    const changed = (storage: string, name: string) =>
      resource({ volumeClaimTemplates: [claim(storage, name)] });
    expect((await verdictOn(changed("5Gi", "fast"), { old })).problems).toEqual([
      "spec.executorSpec.volumeClaimTemplates: a volume can grow but not shrink",
    ]);
    expect((await verdictOn(changed("10Gi", "slow"), { old })).problems).toEqual([
      "spec.executorSpec.volumeClaimTemplates: the storage class of a claim cannot change; create another cluster and move the data",
    ]);
    expect((await verdictOn(changed("20Gi", "fast"), { old })).problems).toEqual([]);
  });
});

describe("storage classes", () => {
  const path = "spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName";
  const classes = [{ name: "fast", isDefault: false }];

  test("must exist when a cluster is created", async () => {
    const named = (name?: string) => resource({ volumeClaimTemplates: [claim("1Gi", name)] });
    expect(await verdictOn(named("fast"), { classes })).toEqual({ problems: [], warnings: [] });
    expect((await verdictOn(named("slow"), { classes })).problems).toEqual([
      `${path}: storage class slow does not exist.`,
    ]);
    expect((await verdictOn(named("slow"))).problems).toEqual([
      `${path}: storage class slow does not exist.`,
    ]);
    expect(await verdictOn(named(), { classes })).toEqual({
      problems: [],
      warnings: [`${path}: no storage class is named, and there is no default storage class.`],
    });
    expect(await verdictOn(named(), { classes: [{ name: "x", isDefault: true }] })).toEqual({
      problems: [],
      warnings: [],
    });
  });

  test("that cannot be read are a warning, and are not asked for an update", async () => {
    const object = resource({ volumeClaimTemplates: [claim("1Gi", "slow")] });
    expect(await verdictOn(object, { classes: new Error("no answer") })).toEqual({
      problems: [],
      warnings: [
        "spec.executorSpec.volumeClaimTemplates: whether the storage classes exist could not be checked: no answer.",
      ],
    });
    const paused = resource({ volumeClaimTemplates: [claim("1Gi", "slow")] }, {}, { paused: true });
    expect(await verdictOn(paused, { old: object, classes })).toEqual({ problems: [], warnings: [] });
  });
});

describe("the state location", () => {
  const path = "spec.schedulerSpec.spicepod.runtime.scheduler.state_location";
  const others = [{ key: "other/sales", location: "s3://bucket/state" }];
  const ends = "two clusters with one would destroy each other's state.";

  test("of another cluster is refused", async () => {
    expect((await verdictOn(resource(), { others })).problems).toEqual([
      `${path}: s3://bucket/state is the state location of the older SpicepodCluster other/sales; ${ends}`,
    ]);
    const own = [{ key: "data/sales", location: "s3://bucket/state" }];
    expect((await verdictOn(resource(), { others: own })).problems).toEqual([]);
  });

  test("counts when it changes", async () => {
    const old = resource({}, {}, { schedulerSpec: { spicepod: { datasets: [] } } });
    expect((await verdictOn(resource(), { old, others })).problems).toEqual([
      `${path}: s3://bucket/state is the state location of the SpicepodCluster other/sales; ${ends}`,
    ]);
    const paused = resource({}, {}, { paused: true });
    expect(await verdictOn(paused, { old: resource(), others })).toEqual({ problems: [], warnings: [] });
  });
});

test("Secrets and ConfigMaps that are not there yet are a warning", async () => {
  const object = resource(
    { envFromSource: [{ secretRef: { name: "keys" } }, { configMapRef: { name: "settings" } }] },
    {},
    { schedulerSpec: { spicepodConfigMapRef: { name: "pod" } } },
  );
  expect(await verdictOn(object, { present: ["Secret data/keys"] })).toEqual({
    problems: [],
    warnings: [
      "spec.schedulerSpec.spicepodConfigMapRef.name: ConfigMap data/pod does not exist.",
      "spec.executorSpec.envFromSource[1].configMapRef: ConfigMap data/settings does not exist.",
    ],
  });
});

test("network egress without DNS warns", async () => {
  const { problems, warnings } = await verdictOn(
    resource({ network: { egress: [{ ports: [{ port: 443 }] }] } }),
  );
  expect(problems).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining("spec.executorSpec.network.egress: allows no DNS")]);
});

test("what goes, or keeps its spec, is never refused", async () => {
  expect(await verdictOn(bad({ deletionTimestamp: "2030-01-01T00:00:00Z" }), { old: bad() })).toEqual({
    problems: [],
    warnings: [],
  });
  const annotated = bad({ annotations: { "spice.ai/resume": "1" } });
  expect(await verdictOn(annotated, { old: bad() })).toEqual({ problems: [], warnings: [badLine] });
});

describe("reviews", () => {
  const review = (request: Json): string =>
    JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });

  test("are answered with every problem, its field and the object", () => {
    const request = parseReview(review({ uid: "u", operation: "CREATE", object: resource() }));
    const problems = [
      { path: "spec.a", message: "is wrong." },
      { path: "", message: "All is wrong." },
    ];
    expect(answerReview(request, { problems, warnings: [{ path: "b", message: "is odd." }] })).toEqual({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: {
        uid: "u",
        allowed: false,
        warnings: ["b: is odd."],
        status: {
          status: "Failure",
          code: 422,
          reason: "Invalid",
          message: "spec.a: is wrong.\nAll is wrong.",
          details: {
            name: "sales",
            kind: "SpicepodCluster",
            causes: [
              { reason: "FieldValueInvalid", field: "spec.a", message: "is wrong." },
              { reason: "FieldValueInvalid", field: "", message: "All is wrong." },
            ],
          },
        },
      },
    });
    expect(answerReview(request, { problems: [], warnings: [] })).toMatchObject({
      response: { uid: "u", allowed: true },
    });
  });

  test.each([
    ["{", "The body is not JSON"],
    ["[]", "The body is not an AdmissionReview."],
    [
      JSON.stringify({ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1beta1" }),
      "apiVersion: must be",
    ],
    [review(null), "request: is missing."],
    [review({}), "request.uid: is missing."],
    [
      review({ uid: "u", operation: "DELETE" }),
      'request.operation: must be CREATE or UPDATE, found "DELETE".',
    ],
    [review({ uid: "u", operation: "CREATE" }), "request.object: is missing."],
    [review({ uid: "u", operation: "UPDATE", object: {} }), "request.oldObject: is missing."],
  ])("that cannot be read say why: %s", (text, message) => {
    expect(() => parseReview(text)).toThrow(message);
  });
});

test("certificates of somebody else are looked for", async () => {
  const path = "spec.certificates";
  const issuer = resource({}, {}, { certificates: { issuerRef: { name: "ca" } } });
  const warnings = [
    `${path}.issuerRef: the API server knows no Certificate of cert-manager.io/v1. Install cert-manager, or name no issuer.`,
  ];
  expect(await verdictOn(issuer)).toEqual({ problems: [], warnings });
  expect(await verdictOn(issuer, { certManager: true })).toEqual({ problems: [], warnings: [] });
  const root = resource({}, {}, { certificates: { rootSecretRef: { name: "mine" } } });
  expect(await verdictOn(root)).toEqual({
    problems: [],
    warnings: [`${path}.rootSecretRef.name: Secret data/mine does not exist.`],
  });
  expect(await verdictOn(root, { present: ["Secret data/mine"] })).toEqual({ problems: [], warnings: [] });
});
