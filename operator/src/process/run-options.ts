import type { OperatorSettings } from "../reconcile/settings.ts";
import type { AdmissionPolicy } from "../webhook/admission-policy.ts";

/** Where a server listens. */
export interface BindAddress {
  readonly host: string;
  readonly port: number;
}

/** What `spiceai-operator run` was asked to do (spec chapter 09, Operator process). */
export interface RunOptions {
  /** The kubeconfig; as kubectl finds it when absent, and in a pod its service account. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** The name of the operator's own Lease, webhook Service, Secret and configuration. */
  readonly name: string;
  /** The namespace of these; that of the credentials when absent. */
  readonly operatorNamespace: string | undefined;
  /** Undefined: not served. */
  readonly healthAddress: BindAddress | undefined;
  readonly metricsAddress: BindAddress | undefined;
  readonly webhookAddress: BindAddress | undefined;
  readonly admissionPolicy: AdmissionPolicy;
  readonly leaderElect: boolean;
  /** Labels of every metric and fields of every log line. */
  readonly telemetryProperties: Readonly<Record<string, string>>;
  /** Log every request to the API server. */
  readonly verbose: boolean;
  readonly settings: OperatorSettings;
}

/** A flag's value cannot be used; the message says what it must be. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

/** `host:port`, `[v6]:port`, `:port`, or `off`. @throws OptionError */
export function parseBindAddress(text: string): BindAddress | "off" {
  if (text === "off") return text;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new OptionError("must be host:port, such as 0.0.0.0:8090, or off.");
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Names of namespaces, separated by commas. @throws OptionError */
export function parseNamespaces(text: string): readonly string[] {
  const found = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  for (const name of found) parseName(name);
  return [...new Set(found)];
}

/** A DNS label. @throws OptionError */
export function parseName(text: string): string {
  if (dnsLabel.test(text)) return text;
  throw new OptionError(`${JSON.stringify(text)} must be at most 63 lower-case letters, digits and hyphens.`);
}

/** A DNS domain. @throws OptionError */
export function parseDomain(text: string): string {
  if (text.length <= 190 && text.split(".").every((label) => dnsLabel.test(label))) return text;
  throw new OptionError("must be a DNS domain, such as cluster.local.");
}

/** A count. @throws OptionError */
export function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new OptionError("must be a whole number from 0 to 999999.");
}

/** @throws OptionError */
export function parseBoolean(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new OptionError("must be true or false.");
}

/** Names of metric labels that the operator uses itself, or that every log line has. */
const takenProperties = new Set([
  "time",
  "level",
  "message",
  "error",
  "result",
  "controller",
  "cluster",
  "type",
  "state",
  "verb",
  "resource",
  "code",
  "namespace",
  "name",
  "le",
]);

/** `K=V`, several separated by commas, added to those before. @throws OptionError */
export function addProperties(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const added = text.split(",").map((pair) => {
    const [key = "", ...value] = pair.split("=");
    if (value.length === 0 || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(key) || key.startsWith("__"))
      throw new OptionError("must be K=V; K has letters, digits and underscores.");
    if (takenProperties.has(key)) throw new OptionError(`the key ${key} is the operator's own.`);
    return [key, value.join("=")] as const;
  });
  return { ...before, ...Object.fromEntries(added) };
}
