import {
  free,
  integer,
  list,
  map,
  object,
  oneOf,
  optional,
  quantity,
  required,
  string,
} from "../schema/build.ts";

/** Parts of a pod that users may set, in the words and shapes of Kubernetes. */

const name = string({ minLength: 1, maxLength: 253 });

export const resourcesSchema = object({
  requests: optional(
    map(quantity(), { maxProperties: 16 }),
    "What the node must have free for the pod, by resource: cpu, memory.",
  ),
  limits: optional(
    map(quantity(), { maxProperties: 16 }),
    "What the container may use at most. The engine takes its threads and memory from these.",
  ),
});

/** Variables that the operator sets itself. */
export const reservedVariables = ["NODE_ADVERTISE_ADDRESS", "POD_NAME"] as const;

export const envSchema = list(
  object(
    {
      name: required(string({ minLength: 1, maxLength: 256 }), "The variable's name."),
      value: optional(string(), "Its value."),
      valueFrom: optional(
        free(),
        "Where its value comes from: secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef.",
      ),
    },
    {
      rules: [
        {
          cel: "!(has(self.value) && has(self.valueFrom))",
          message: "value and valueFrom exclude each other",
          holds: (self: { value?: string; valueFrom?: unknown }) =>
            self.value === undefined || self.valueFrom === undefined,
        },
        {
          cel: `!(self.name in ['${reservedVariables.join("', '")}'])`,
          message: `the operator sets ${reservedVariables.join(" and ")} itself`,
          field: "name",
          holds: (self: { name: string }) => !(reservedVariables as readonly string[]).includes(self.name),
        },
      ],
    },
  ),
  { maxItems: 128, keys: ["name"] },
);

export const envFromSchema = list(
  object({
    prefix: optional(string({ maxLength: 253 }), "Put before the name of every variable."),
    secretRef: optional(object({ name: required(name, "The Secret.") }), "All keys of a Secret."),
    configMapRef: optional(object({ name: required(name, "The ConfigMap.") }), "All keys of a ConfigMap."),
  }),
  { maxItems: 32 },
);

export const tolerationsSchema = list(
  object({
    key: optional(string({ maxLength: 317 }), "The taint's key; every key when it is absent."),
    operator: optional(oneOf("Exists", "Equal"), "How value is compared; Equal when absent."),
    value: optional(string({ maxLength: 63 }), "The taint's value, for Equal."),
    effect: optional(
      oneOf("NoSchedule", "PreferNoSchedule", "NoExecute"),
      "The taint's effect; every effect when it is absent.",
    ),
    tolerationSeconds: optional(integer(), "How long a NoExecute taint is tolerated; for ever when absent."),
  }),
  { maxItems: 64 },
);

export const topologySpreadSchema = list(
  object({
    maxSkew: required(integer({ minimum: 1 }), "By how many pods two domains may differ."),
    topologyKey: required(string({ minLength: 1, maxLength: 317 }), "The node label that makes a domain."),
    whenUnsatisfiable: required(
      oneOf("DoNotSchedule", "ScheduleAnyway"),
      "What happens when no placement fits.",
    ),
    minDomains: optional(integer({ minimum: 1 }), "How many domains there must be at least."),
    labelSelector: optional(free(), "Which pods are counted; those of this role when absent."),
    nodeAffinityPolicy: optional(oneOf("Honor", "Ignore"), "Whether node affinity limits the domains."),
    nodeTaintsPolicy: optional(oneOf("Honor", "Ignore"), "Whether tainted nodes are domains."),
    matchLabelKeys: optional(
      list(string({ maxLength: 317 }), { maxItems: 16 }),
      "Pod label keys whose values narrow the count.",
    ),
  }),
  { maxItems: 16 },
);

export const volumeMountsSchema = list(
  object({
    name: required(
      string({ minLength: 1, maxLength: 63 }),
      "A volume of `volumes` or, on executors, a claim of `volumeClaimTemplates`.",
    ),
    mountPath: required(
      string({ pattern: "^/.+", rule: "must be an absolute path below /.", maxLength: 1024 }),
      "Where it is mounted.",
    ),
    subPath: optional(string({ maxLength: 1024 }), "Only this path of the volume; it then never updates."),
    readOnly: optional({ kind: "boolean" } as const, "Mount it read-only."),
  }),
  { maxItems: 32, keys: ["mountPath"] },
);

export const volumesSchema = list(
  object({ name: required(string({ minLength: 1, maxLength: 63 }), "The volume's name.") }, { open: true }),
  { maxItems: 32, keys: ["name"] },
);
