/** How lists at a path are merged by the server. Every list that no rule names is atomic: compared in order. */
export type ListRule =
  | { readonly kind: "set" }
  /** Items are told apart by these keys; `defaults` fills in what the server defaults. */
  | {
      readonly kind: "map";
      readonly keys: readonly string[];
      readonly defaults?: Readonly<Record<string, unknown>>;
      /** Items that others add are taken away: only who applies the list has items in it. */
      readonly exclusive?: true;
    };

/** Rules by path. A path joins field names by "." and writes `[]` for the items of a list. */
export type ListRules = ReadonlyMap<string, ListRule>;

const by = (...keys: string[]): ListRule => ({ kind: "map", keys });
const ports: Record<string, unknown> = { protocol: "TCP" };

const container: Record<string, ListRule> = {
  ports: { kind: "map", keys: ["containerPort", "protocol"], defaults: ports },
  env: by("name"),
  volumeMounts: by("mountPath"),
  volumeDevices: by("devicePath"),
};

const podSpec: Record<string, ListRule> = {
  volumes: by("name"),
  imagePullSecrets: by("name"),
  hostAliases: by("ip"),
  topologySpreadConstraints: by("topologyKey", "whenUnsatisfiable"),
  resourceClaims: by("name"),
  schedulingGates: by("name"),
  ...Object.fromEntries(
    ["containers", "initContainers"].flatMap((list) => [
      [list, by("name")],
      ...Object.entries(container).map(([field, rule]) => [`${list}[].${field}`, rule]),
    ]),
  ),
};

const metadata: Record<string, ListRule> = { finalizers: { kind: "set" }, ownerReferences: by("uid") };

function under(prefix: string, rules: Record<string, ListRule>): [string, ListRule][] {
  return Object.entries(rules).map(([path, rule]) => [`${prefix}.${path}`, rule]);
}

const podTemplate = [...under("spec.template.spec", podSpec), ...under("spec.template.metadata", metadata)];

const byKind: Record<string, [string, ListRule][]> = {
  Pod: under("spec", podSpec),
  Deployment: podTemplate,
  StatefulSet: podTemplate,
  DaemonSet: podTemplate,
  ReplicaSet: podTemplate,
  Job: podTemplate,
  CronJob: under("spec.jobTemplate.spec.template.spec", podSpec),
  Service: [["spec.ports", { kind: "map", keys: ["port", "protocol"], defaults: ports }]],
  ServiceAccount: [["secrets", by("name")]],
  ValidatingWebhookConfiguration: [["webhooks", by("name")]],
  MutatingWebhookConfiguration: [["webhooks", by("name")]],
};

/** The rules of a built-in kind, and `more` for kinds that only the caller knows. */
export function listRulesOf(kind: string, more: Readonly<Record<string, ListRule>> = {}): ListRules {
  return new Map([
    ...under("metadata", metadata),
    ["status.conditions", by("type")] as const,
    ...(byKind[kind] ?? []),
    ...Object.entries(more),
  ]);
}

const quantityMaps =
  /(^|\.)(requests|limits|capacity|hard|overhead|allocatable|min|max|default|defaultRequest)\.[^.]+$/;
const quantityFields = /(^|\.)(sizeLimit|divisor)$/;

/** Whether the value at a path is a quantity, which can be written in several ways. */
export function isQuantityPath(path: string): boolean {
  return quantityMaps.test(path) || quantityFields.test(path);
}

const emptyMaps =
  /(^|\.)(labels|annotations|nodeSelector|matchLabels|data|binaryData|requests|limits|resources)$/;
const zeroFields =
  /(^|\.)(hostNetwork|hostPID|hostIPC|readOnly|stdin|stdinOnce|tty|paused|publishNotReadyAddresses|value|subPath|initialDelaySeconds|minReadySeconds|suspend|immutable)$/;

/** Whether the server leaves out a field at `path` that has this value, so that its absence is no difference. */
export function isLeftOut(path: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (value !== null && typeof value === "object")
    return Object.keys(value).length === 0 && emptyMaps.test(path);
  return (value === "" || value === false || value === 0) && zeroFields.test(path);
}

/** What tells the items of a list apart. */
export function identity(item: unknown, rule: ListRule): string {
  if (rule.kind === "set" || !isMap(item)) return JSON.stringify(item);
  return rule.keys.map((key) => `${key}=${String(item[key] ?? rule.defaults?.[key] ?? "")}`).join(",");
}

/** Whether a value is a JSON object. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
