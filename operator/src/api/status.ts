import { boolean, integer, list, map, object, oneOf, optional, required, string } from "../schema/build.ts";
import type { Infer } from "../schema/schema.ts";
import { conditionTypes, reasons } from "./conditions.ts";

const time = string({ format: "date-time" });

const counts = (what: string) =>
  object({
    ready: optional(integer({ minimum: 0 }), `How many ${what} are ready.`),
    total: optional(integer({ minimum: 0 }), `How many ${what} there are.`),
  });

export const conditionSchema = object({
  type: required(oneOf(...conditionTypes), "What the condition is about."),
  status: required(oneOf("True", "False", "Unknown"), "Whether it holds."),
  reason: required(oneOf(...reasons), "Why, in one word; events, logs and metrics use the same words."),
  message: required(string({ maxLength: 32768 }), "Why, in a sentence."),
  lastTransitionTime: required(time, "When status last changed."),
  observedGeneration: optional(integer({ minimum: 0 }), "The generation that the condition is about."),
});

/** What the operator reports (spec chapter 09, Status). */
export const statusSchema = object({
  observedGeneration: optional(integer({ minimum: 0 }), "The generation that this status is about."),
  conditions: optional(
    list(conditionSchema, { keys: ["type"], maxItems: 16 }),
    "The state, aspect by aspect.",
  ),
  schedulers: optional(counts("schedulers"), "The schedulers."),
  executors: optional(counts("executors"), "The executors."),
  partitions: optional(
    object({
      total: optional(integer({ minimum: 0 }), "Partitions of all datasets."),
      assigned: optional(integer({ minimum: 0 }), "Those that an executor owns."),
      loaded: optional(integer({ minimum: 0 }), "Those that are loaded."),
    }),
    "The partitions of all datasets.",
  ),
  datasets: optional(
    list(
      object({
        name: required(string({ maxLength: 512 }), "The dataset."),
        loaded: optional(boolean(), "Whether all its partitions are loaded."),
        lastRefresh: optional(time, "The oldest last refresh of its partitions."),
      }),
      { keys: ["name"], maxItems: 1000 },
    ),
    "The datasets and how fresh they are.",
  ),
  summary: optional(
    object({
      schedulers: optional(string({ maxLength: 32 }), "Ready and wanted schedulers."),
      executors: optional(string({ maxLength: 32 }), "Ready and wanted executors."),
      partitions: optional(string({ maxLength: 32 }), "Loaded and known partitions."),
      datasets: optional(string({ maxLength: 32 }), "Loaded and known datasets."),
    }),
    "The counts as `kubectl get` prints them.",
  ),
  selector: optional(string({ maxLength: 512 }), "The executors' pods, for autoscalers."),
  certificates: optional(
    object({
      rootCertificateReady: optional(boolean(), "Whether the root exists and is valid."),
      rootCertificateSecretName: optional(string({ maxLength: 253 }), "The Secret of the root."),
      rootCertificateExpiresAt: optional(time, "When the root expires."),
      leafCertificatesExpireAt: optional(time, "When the first of the nodes' certificates expires."),
      rotation: optional(
        object({
          phase: optional(oneOf("trust", "reissue", "retire"), "The phase of a root rotation."),
          waitingFor: optional(
            map(string({ maxLength: 512 }), { maxProperties: 1200 }),
            "The nodes that are waited for, with what each lacks.",
          ),
        }),
        "A root rotation under way.",
      ),
    }),
    "The certificates.",
  ),
  spicepod: optional(
    object({
      generation: optional(integer({ minimum: 0 }), "The generation that the schedulers' ConfigMap has."),
      digest: optional(string({ maxLength: 128 }), "What that generation says, as a digest."),
    }),
    "The spicepod as it was last handed to the schedulers.",
  ),
  pause: optional(
    object({
      reason: optional(oneOf(...reasons), "Why the operator paused the cluster itself."),
      generation: optional(integer({ minimum: 0 }), "The generation that it paused; the next one goes on."),
      resume: optional(
        string({ maxLength: 1024 }),
        "The value of the annotation spice.ai/resume when the pause began; another value goes on.",
      ),
    }),
    "A pause that the operator decided on.",
  ),
});

export type SpicepodClusterStatus = Infer<typeof statusSchema>;
export type Condition = Infer<typeof conditionSchema>;
