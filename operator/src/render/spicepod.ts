import { spicepodDigest } from "@spice-shards/spicepod";
import { parse, stringify } from "yaml";
import { isObject } from "../schema/apply-defaults.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import type { RenderContext } from "./context.ts";
import { oncePerObject } from "./once-per-object.ts";

/** Fields that people look for first; the others follow by name. */
const first = ["version", "kind", "name", "metadata"];

/** The spicepod of a cluster, from the resource or from the ConfigMap that it names. */
export function spicepodOf({ cluster, observed }: RenderContext): JsonObject {
  const { spicepod } = cluster.spec.schedulerSpec;
  const found: Json = spicepod ?? (parse(observed.configMapText ?? "{}") as Json);
  return isObject(found) ? found : {};
}

/** One text for all ways to write a spicepod: keys in a fixed order, no aliases, `metadata.generation` as given. */
export function canonicalSpicepod(spicepod: JsonObject, generation: number): string {
  const known = canonicalTexts.get(spicepod);
  if (known?.generation === generation) return known.text;
  const metadata = isObject(spicepod["metadata"]) ? spicepod["metadata"] : {};
  const text = textOf({ ...spicepod, metadata: { ...metadata, generation } });
  canonicalTexts.set(spicepod, { generation, text });
  return text;
}

/** Writing YAML is most of what a look at an unchanged cluster would take, so it is done once for each object. */
const canonicalTexts = new WeakMap<JsonObject, { readonly generation: number; readonly text: string }>();

/** The SHA-256 of what a spicepod says, apart from its generation. */
export const digestOf = oncePerObject((spicepod: JsonObject): string => {
  const metadata = isObject(spicepod["metadata"]) ? spicepod["metadata"] : {};
  const { generation: _, ...rest } = metadata;
  return spicepodDigest(textOf({ ...spicepod, metadata: rest }));
});

/** Changes when the spicepod changed where a running node cannot follow (spec chapter 02): `runtime` and `secrets`. */
export const restartHash = oncePerObject((spicepod: JsonObject): string => {
  const { runtime = null, secrets = null } = spicepod;
  return spicepodDigest(textOf({ runtime, secrets })).slice(0, 16);
});

/**
 * The generation of a spicepod: it grows when the content changes and only then, so that scaling a cluster reloads
 * nothing. `before` is what the ConfigMap's annotations say.
 */
export function nextSpicepodGeneration(
  digest: string,
  before: { readonly digest: string; readonly generation: number } | undefined,
): number {
  if (before === undefined) return 1;
  return before.digest === digest ? before.generation : before.generation + 1;
}

function textOf(value: JsonObject): string {
  return stringify(sorted(value, first), { lineWidth: 0, aliasDuplicateObjects: false });
}

function sorted(value: Json, leading: readonly string[] = []): Json {
  if (Array.isArray(value)) return value.map((item: Json) => sorted(item));
  if (!isObject(value)) return value;
  const rank = (key: string) => (leading.includes(key) ? leading.indexOf(key) : leading.length);
  const keys = Object.keys(value).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}
