import { parseAllDocuments, stringify } from "yaml";
import { kind } from "../api/names.ts";
import type { SpicepodCluster } from "../api/spicepod-cluster.ts";
import { type KubernetesObject, nothingObserved, type RenderContext } from "../render/context.ts";
import { renderCluster } from "../render/render-cluster.ts";
import { isObject } from "../schema/apply-defaults.ts";
import type { Json } from "../schema/schema.ts";
import { checkSpicepodText } from "../validate/spicepod.ts";
import { formatFieldProblem, validateCluster } from "../validate/validate.ts";

/** A file cannot be rendered; the message has one line a problem. */
export class RenderError extends Error {
  override readonly name = "RenderError";
}

export interface RenderFileOptions {
  readonly clusterDomain: string;
  /** Where a resource without a namespace is. */
  readonly namespace: string;
}

/**
 * What the operator would create for the SpicepodClusters of a file, as YAML, without Secrets: they are made where the
 * cluster runs. ConfigMaps that the clusters name must be in the same file. `warn` gets what is seldom meant.
 * @throws RenderError
 */
export function renderFile(text: string, options: RenderFileOptions, warn: (line: string) => void): string {
  const documents = parseAllDocuments(text);
  const broken = documents.flatMap(({ errors }) => errors.map(({ message }) => message));
  if (broken.length > 0) throw new RenderError(`This is not valid YAML: ${broken.join("; ")}`);
  const resources = documents.map((document): Json => document.toJS() as Json).filter(isObject);
  const others = resources.filter((resource) => resource["kind"] === "ConfigMap");
  const clusters = resources.filter((resource) => resource["kind"] !== "ConfigMap");
  if (clusters.length === 0) throw new RenderError(`The file has no ${kind}.`);
  return clusters
    .flatMap((resource) => renderOne(resource, others, options, warn))
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
}

function renderOne(
  resource: { readonly [key: string]: Json },
  others: readonly { readonly [key: string]: Json }[],
  options: RenderFileOptions,
  warn: (line: string) => void,
): readonly KubernetesObject[] {
  const metadata = isObject(resource["metadata"])
    ? { namespace: options.namespace, ...resource["metadata"] }
    : {};
  const result = validateCluster({ ...resource, metadata });
  if (result.problems !== undefined)
    throw new RenderError(result.problems.map(formatFieldProblem).join("\n"));
  for (const warning of result.warnings) warn(`Warning: ${formatFieldProblem(warning)}`);
  const configMapText = referencedText(result.cluster, others, options);
  const context: RenderContext = {
    cluster: result.cluster,
    observed: { ...nothingObserved, ...(configMapText === undefined ? {} : { configMapText }) },
    clusterDomain: options.clusterDomain,
  };
  return renderCluster(context).map((object) => withoutUnknownOwner(object));
}

function referencedText(
  { metadata, spec }: SpicepodCluster,
  others: readonly { readonly [key: string]: Json }[],
  { namespace }: RenderFileOptions,
): string | undefined {
  const reference = spec.schedulerSpec.spicepodConfigMapRef;
  if (reference === undefined) return undefined;
  const found = others.find((other) => {
    const theirs = isObject(other["metadata"]) ? other["metadata"] : {};
    return theirs["name"] === reference.name && (theirs["namespace"] ?? namespace) === metadata.namespace;
  });
  const data = found !== undefined && isObject(found["data"]) ? found["data"] : {};
  const text = data[reference.key];
  const path = "spec.schedulerSpec.spicepodConfigMapRef";
  if (typeof text !== "string")
    throw new RenderError(
      `${path}: the file has no ConfigMap ${reference.name} with the key ${reference.key}.`,
    );
  const problems = checkSpicepodText(text, `ConfigMap ${reference.name}, key ${reference.key}`);
  if (problems.length > 0) throw new RenderError(problems.map(formatFieldProblem).join("\n"));
  return text;
}

/** A resource that was never applied has no uid to refer to. */
function withoutUnknownOwner(object: KubernetesObject): KubernetesObject {
  const { ownerReferences, ...metadata } = object.metadata;
  const known = ownerReferences.filter(({ uid }) => uid !== "");
  return known.length > 0 ? object : ({ ...object, metadata } as KubernetesObject);
}
