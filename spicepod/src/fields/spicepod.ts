import { freeMap, list, parameters } from "../field/collection.ts";
import { defaulted, optional, required } from "../field/field.ts";
import { located } from "../field/located.ts";
import { bool, duration, integer, oneOf, text } from "../field/scalar.ts";
import { section } from "../field/section.ts";
import { datasetSection, viewSection } from "./dataset.ts";
import { refusedSections } from "./refused.ts";
import { runtimeSection } from "./runtime.ts";

/** The top-level `snapshots` (spec chapter 06). */
export const snapshotsSection = section({
  enabled: defaulted(bool(), "False switches snapshots off for every dataset.", true),
  location: optional(
    text("a URL"),
    "Where snapshots are kept; in a cluster `{state_location}/snapshots/` without it.",
  ),
  bootstrap_on_failure_behavior: defaulted(
    oneOf("warn", "retry", "fallback"),
    "What happens when the newest snapshot cannot be loaded: go on with the source, retry it, or try older ones.",
    "warn",
  ),
  params: defaulted(parameters(), "Parameters of that store, e.g. `s3_region`.", {}),
  compaction: defaulted(
    section({
      keep: defaulted(integer(1), "How many snapshots of a partition are kept.", 3),
      grace_period: defaulted(duration(), "How long removed ones stay for those who still read them.", "10m"),
    }),
    "For datasets with `snapshots_compaction: enabled`.",
    {},
  ),
});

/** One entry of `secrets`. */
export const secretStoreSection = section({
  from: required(
    text("`env` or `file:DIRECTORY`", {
      regex: "^(env|file:.+)$",
      rule: "must be `env`, or `file:DIRECTORY` for a directory with one file for each secret.",
    }),
    "The kind of store: `env`, or `file:DIRECTORY` (such as a mounted Kubernetes secret).",
    "env",
  ),
  name: required(
    text("a name", {
      regex: "^[A-Za-z_][A-Za-z0-9_-]*$",
      rule: "must be a name of letters, digits, `_` and `-`.",
    }),
    "The name that references have before the colon.",
    "",
  ),
});

/** The whole file. */
export const spicepodSection = section(
  {
    version: defaulted(oneOf("v1"), "The version of this format.", "v1"),
    kind: defaulted(oneOf("Spicepod"), "What the file is.", "Spicepod"),
    name: defaulted(text("a name"), "The name of the application.", "spicepod"),
    metadata: defaulted(freeMap(), "A free map; the operator writes `generation` into it.", {}),
    runtime: defaulted(runtimeSection, "How the nodes work.", {}),
    snapshots: optional(snapshotsSection, "Where snapshots of accelerations are kept."),
    secrets: defaulted(list(secretStoreSection), "Where secret references are looked up.", [
      { from: "env", name: "env" },
    ]),
    datasets: defaulted(list(located(datasetSection)), "The tables and where they come from.", []),
    views: defaulted(list(located(viewSection)), "Named SELECTs.", []),
  },
  refusedSections,
);
