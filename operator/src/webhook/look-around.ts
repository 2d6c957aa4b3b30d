import type { SpicepodCluster } from "../api/spicepod-cluster.ts";
import type { ClusterObject } from "../reconcile/objects.ts";
import { embeddedLocation } from "../reconcile/state-location.ts";
import { missingCertManager } from "../reconcile/steps/issued-certificates.ts";
import { referencesOf } from "../reconcile/steps/references.ts";
import type { FieldProblem } from "../schema/check.ts";
import type { Lookups } from "./lookups.ts";
import type { AdmissionRequest, Verdict } from "./review.ts";

type Look = (
  request: AdmissionRequest,
  cluster: SpicepodCluster,
  lookups: Lookups,
  signal: AbortSignal,
) => Promise<Verdict>;

const nothing: Verdict = { problems: [], warnings: [] };

/**
 * What a valid resource meets in its Kubernetes cluster: the storage classes and the objects that it names, and whether
 * another cluster has its state location. What cannot be found out is a warning; the reconciler looks again.
 */
export async function lookAround(
  request: AdmissionRequest,
  cluster: SpicepodCluster,
  lookups: Lookups,
  signal: AbortSignal,
): Promise<Verdict> {
  const found = await Promise.all(
    looks.map(async ([path, what, look]): Promise<Verdict> => {
      try {
        return await look(request, cluster, lookups, signal);
      } catch (error) {
        const message = `${what} could not be checked: ${(error as Error).message}.`;
        return { problems: [], warnings: [{ path, message }] };
      }
    }),
  );
  return {
    problems: found.flatMap(({ problems }) => problems),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

const issuerPath = "spec.certificates.issuerRef";
const claims = "spec.executorSpec.volumeClaimTemplates";
const locationPath = "spec.schedulerSpec.spicepod.runtime.scheduler.state_location";

/** Classes of a cluster that exists cannot change, and one that was deleted since is no reason to refuse an edit. */
const storageClasses: Look = async ({ operation }, { spec }, lookups, signal) => {
  const templates = spec.executorSpec.volumeClaimTemplates ?? [];
  if (operation !== "CREATE" || templates.length === 0) return nothing;
  const known = await lookups.storageClasses(signal);
  const problems: FieldProblem[] = [];
  const warnings: FieldProblem[] = [];
  for (const [i, { spec: claim }] of templates.entries()) {
    const path = `${claims}[${i}].spec.storageClassName`;
    const name = claim.storageClassName ?? "";
    if (name !== "" && !known.some((each) => each.name === name))
      problems.push({ path, message: `storage class ${name} does not exist.` });
    // A default may be chosen later; the claims wait for it.
    if (name === "" && !known.some(({ isDefault }) => isDefault))
      warnings.push({ path, message: "no storage class is named, and there is no default storage class." });
  }
  return { problems, warnings };
};

const stateLocation: Look = async ({ operation, object, oldObject }, { metadata }, lookups, signal) => {
  const location = embeddedLocation(object as never as ClusterObject);
  if (location === undefined) return nothing;
  if (oldObject !== undefined && embeddedLocation(oldObject as never as ClusterObject) === location)
    return nothing;
  const own = `${metadata.namespace}/${metadata.name}`;
  const others = await lookups.stateLocations(signal);
  const other = others.find((each) => each.location === location && each.key !== own);
  if (other === undefined) return nothing;
  const which = operation === "CREATE" ? "the older SpicepodCluster" : "the SpicepodCluster";
  const message = `${location} is the state location of ${which} ${other.key}; two clusters with one would destroy each other's state.`;
  return { problems: [{ path: locationPath, message }], warnings: [] };
};

/** Secrets and ConfigMaps may come later, in whatever order a tool applies them. */
const references: Look = async ({ operation }, cluster, lookups, signal) => {
  if (operation !== "CREATE") return nothing;
  const { namespace } = cluster.metadata;
  const { spicepodConfigMapRef } = cluster.spec.schedulerSpec;
  const { rootSecretRef } = cluster.spec.certificates;
  const wanted = [
    ...(spicepodConfigMapRef === undefined
      ? []
      : [
          {
            kind: "ConfigMap" as const,
            path: "spec.schedulerSpec.spicepodConfigMapRef.name",
            name: spicepodConfigMapRef.name,
          },
        ]),
    ...(rootSecretRef === undefined
      ? []
      : [
          {
            kind: "Secret" as const,
            path: "spec.certificates.rootSecretRef.name",
            name: rootSecretRef.name,
          },
        ]),
    ...referencesOf(cluster),
  ];
  const warnings: FieldProblem[] = [];
  for (const { kind, path, name } of wanted.slice(0, atMost)) {
    if (kind === "StorageClass" || (await lookups.exists(kind, namespace, name, signal))) continue;
    warnings.push({ path, message: `${kind} ${namespace}/${name} does not exist.` });
  }
  return { problems: [], warnings };
};

/** cert-manager may come later as well. */
const issuer: Look = async (_, { spec }, lookups, signal) => {
  if (spec.certificates.issuerRef === undefined || spec.allowInsecureConnections) return nothing;
  if (await lookups.hasCertManager(signal)) return nothing;
  return { problems: [], warnings: [{ path: issuerPath, message: missingCertManager }] };
};

/** A review has little time. */
const atMost = 20;

const looks: readonly (readonly [path: string, what: string, look: Look])[] = [
  [claims, "whether the storage classes exist", storageClasses],
  [locationPath, "whether another cluster keeps its state there", stateLocation],
  [issuerPath, "whether cert-manager is there", issuer],
  ["spec", "whether the named Secrets and ConfigMaps exist", references],
];
