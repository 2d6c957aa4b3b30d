import { canonicalJson } from "@spice-shards/kube";
import { isAccelerated, parseSpicepod } from "@spice-shards/spicepod";
import { parse, stringify } from "yaml";
import type { Reason } from "../../api/conditions.ts";
import { annotation, finalizer, label, names } from "../../api/names.ts";
import { portOf } from "../../api/node-spec.ts";
import { type SpicepodCluster, sharesState } from "../../api/spicepod-cluster.ts";
import type { Observed } from "../../render/context.ts";
import { digestOf, nextSpicepodGeneration } from "../../render/spicepod.ts";
import type { FieldProblem } from "../../schema/check.ts";
import type { Json, JsonObject } from "../../schema/schema.ts";
import { checkSpicepodText } from "../../validate/spicepod.ts";
import { formatFieldProblem, type Validation, validateCluster } from "../../validate/validate.ts";
import { types } from "../cache/resource-types.ts";
import { wishOf } from "../cache/trim.ts";
import { at, type StatefulSetObject, toJson } from "../objects.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";
import { holderOf, stateLocationOf } from "../state-location.ts";
import { liveSpec } from "./live-spec.ts";
import { readConfigMap } from "./read-config-map.ts";
import { checkReferences } from "./references.ts";

/**
 * Judges the resource as the webhook does, and what only the API server knows: what it names, what its volumes are, who
 * else has its state location. What is wrong leaves all that runs as it is.
 */
export async function validate(pass: Pass): Promise<StepOutcome> {
  const sets = pass.deps.caches
    .childrenOf<StatefulSetObject>("statefulSet", pass.key)
    .filter((set) => pass.isOurs(set));
  const { cluster, problems } = judgeResource(pass, sets);
  if (problems !== undefined)
    return refuse(pass, reasonOf(problems), problems.map(formatFieldProblem).join(" "));

  const found = await spicepodText(pass, cluster);
  if (found.kind === "refused") return refuse(pass, found.reason, found.message);
  const location = stateLocationOf(found.spicepod);
  pass.deps.stateLocations.set(holderOf(pass.key, pass.resource), location);
  const older = pass.deps.stateLocations.letIn(pass.key);
  if (older !== undefined) {
    const message = `${locationPath}: ${location} is the state location of the older SpicepodCluster ${older}; two clusters with one would destroy each other's state.`;
    return refuse(pass, "StateLocationInUse", message);
  }
  const missing = await checkReferences(pass, cluster, sets);
  if (missing !== undefined) return refuse(pass, missing.reason, missing.message);

  const { digest, accelerated } = factsOf(found.spicepod);
  const generation = nextSpicepodGeneration(digest, knownGeneration(pass));
  const observed: Observed = {
    ...(found.text === undefined ? {} : { configMapText: found.text }),
    spicepodGeneration: generation,
    executors: new Map(
      sets.flatMap((set) => {
        const index = Number(set.metadata.labels?.[label.executor]);
        return Number.isInteger(index)
          ? [[index, { volumeClaimTemplates: set.spec.volumeClaimTemplates ?? [] }]]
          : [];
      }),
    ),
    apis: { podMonitor: await pass.deps.discovery.serves(types.podMonitor) },
  };
  const { clusterDomain } = pass.deps.settings;
  pass.config = "valid";
  pass.valid = {
    cluster,
    context: { cluster, observed, clusterDomain },
    accelerated,
    spicepod: { generation, digest },
  };
  pass.memory.schedulers = {
    port: portOf(cluster.spec.schedulerSpec.cluster.bindAddress),
    insecure: cluster.spec.allowInsecureConnections,
  };
  if (!cluster.spec.paused) await holdBack(pass);
  return goOn;
}

const locationPath = "spec.schedulerSpec.spicepod.runtime.scheduler.state_location";

function refuse(pass: Pass, reason: Reason, message: string): StepOutcome {
  pass.config = { reason, message, terminal: true };
  return { kind: "blocked", reason, message };
}

/** Problems inside the spicepod have a word of their own, unless the resource around it is wrong as well. */
function reasonOf(problems: readonly FieldProblem[]): Reason {
  return problems.every(({ path }) => path.startsWith("spec.schedulerSpec.spicepod"))
    ? "InvalidSpicepod"
    : "InvalidSpec";
}

type FoundSpicepod =
  | { readonly kind: "found"; readonly spicepod: JsonObject; readonly text?: string }
  | { readonly kind: "refused"; readonly reason: Reason; readonly message: string };

/** The spicepod from the resource, or from the ConfigMap that it names. */
async function spicepodText(pass: Pass, { spec }: SpicepodCluster): Promise<FoundSpicepod> {
  const { spicepod, spicepodConfigMapRef: ref, replicas } = spec.schedulerSpec;
  if (ref === undefined) return { kind: "found", spicepod: spicepod ?? {} };
  const where = "spec.schedulerSpec.spicepodConfigMapRef";
  const map = await readConfigMap(pass, ref.name);
  const refused = (reason: Reason, message: string) => ({ kind: "refused", reason, message }) as const;
  if (map === undefined)
    return refused(
      "MissingConfigMap",
      `${where}.name: ConfigMap ${pass.namespace}/${ref.name} does not exist.`,
    );
  const text = map.data?.[ref.key];
  if (text === undefined)
    return refused(
      "MissingConfigMap",
      `${where}.key: ConfigMap ${pass.namespace}/${ref.name} has no key ${ref.key}.`,
    );
  const problems = checkSpicepodText(text, `ConfigMap ${ref.name}, key ${ref.key}`);
  if (problems.length > 0) return refused("InvalidSpicepod", problems.map(formatFieldProblem).join(" "));
  const parsed = parse(text) as Json;
  if (replicas > 1 && !sharesState(parsed)) {
    const message = `${where}: more than one scheduler needs runtime.scheduler.state_location on an object store; file:// and the default serve exactly one`;
    return refused("InvalidSpec", message);
  }
  return { kind: "found", spicepod: parsed as JsonObject, text };
}

/**
 * The generation that schedulers have been handed. It is on the ConfigMap and in the status, so that a lost ConfigMap
 * does not start again at 1: schedulers never follow a lower one.
 */
function knownGeneration(pass: Pass): { readonly digest: string; readonly generation: number } | undefined {
  const map = pass.deps.caches.child("configMap", `${pass.namespace}/${names.configMap(pass.name)}`);
  const annotations = map === undefined || !pass.isOurs(map) ? {} : (map.metadata.annotations ?? {});
  const ofMap = {
    digest: annotations[annotation.spicepodDigest],
    generation: Number(annotations[annotation.spicepodGeneration]),
  };
  const known = [ofMap, pass.resource.status?.spicepod ?? {}].flatMap(({ digest, generation }) =>
    digest !== undefined && generation !== undefined && Number.isSafeInteger(generation) && generation > 0
      ? [{ digest, generation }]
      : [],
  );
  return known.sort((a, b) => b.generation - a.generation)[0];
}

/** Judges the resource, unless this very version of it was judged against the same volumes already. */
function judgeResource(pass: Pass, sets: readonly StatefulSetObject[]): Validation {
  const live = liveSpec(pass, sets);
  const volumes = at(live, "spec", "executorSpec", "volumeClaimTemplates");
  const version = `${wishOf(pass.resource)} ${canonicalJson(volumes ?? null)}`;
  const known = pass.memory.judged;
  if (known?.version === version) return known.validation;
  const validation = validateCluster(toJson(pass.resource), live);
  pass.memory.judged = { version, validation };
  return validation;
}

interface SpicepodFacts {
  readonly digest: string;
  /** Tables that schedulers report on: those that are kept in partitions. */
  readonly accelerated: number;
}

/** Facts of spicepods that do not change: to parse one takes longer than the rest of a pass. */
const known = new WeakMap<JsonObject, SpicepodFacts>();

function factsOf(spicepod: JsonObject): SpicepodFacts {
  const present = known.get(spicepod);
  if (present !== undefined) return present;
  const datasets = parseSpicepod(stringify(spicepod)).spicepod?.datasets ?? [];
  const tables = datasets
    .filter(isAccelerated)
    .filter(({ acceleration }) => acceleration.partitionBy.length > 0);
  const facts = { digest: digestOf(spicepod), accelerated: tables.length };
  known.set(spicepod, facts);
  return facts;
}

/** The finalizer comes before the first child. */
async function holdBack(pass: Pass): Promise<void> {
  const { finalizers = [], resourceVersion } = pass.resource.metadata;
  if (finalizers.includes(finalizer)) return;
  const metadata = { resourceVersion, finalizers: [...finalizers, finalizer] };
  // It holds only for the version that had no finalizer, so nobody else can have begun.
  await pass.patchResource({ metadata });
  pass.isFirst = true;
}
