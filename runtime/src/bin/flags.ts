import { parseDuration, suggest } from "@spice-shards/spicepod";
import { type Address, parseAddress } from "../core/text/address.ts";
import { type FlagName, type FlagSpec, flagTable, helpText } from "./flag-table.ts";

/** An address to bind; a port that was not asked for may give way to a free one (spec chapter 01). */
export interface BindAddress extends Address {
  /** True when the flag was on the command line. */
  readonly given: boolean;
}

/** PEM files of one endpoint. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface NodeCertificateFiles extends CertificateFiles {
  readonly caCertificateFile: string;
}

/** What the command line of `spiced` asks for. Files are named, not read. */
export interface SpicedOptions {
  /** As given, or `executor` because of `--scheduler-address`; else decided by {@link resolveRole}. */
  readonly role: "scheduler" | "executor" | undefined;
  readonly http: BindAddress;
  readonly flight: BindAddress;
  readonly metrics: BindAddress | undefined;
  readonly nodeBind: BindAddress;
  /** From the flag, else from `NODE_ADVERTISE_ADDRESS`; `port` only when it was given. */
  readonly nodeAdvertise: { readonly host: string; readonly port: number | undefined } | undefined;
  readonly schedulerAddress: URL | undefined;
  readonly nodeCertificates: NodeCertificateFiles | undefined;
  readonly tls: CertificateFiles | undefined;
  readonly allowInsecure: boolean;
  readonly dataDir: { readonly path: string; readonly given: boolean };
  readonly shutdownTimeoutMs: number;
  readonly spicepod: { readonly path: string; readonly given: boolean };
  /** 0, 1 (`-v`) or 2 (`-vv`). */
  readonly verbosity: 0 | 1 | 2;
}

export type FlagsOutcome =
  | { readonly kind: "run"; readonly options: SpicedOptions }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  /** Print the message on standard error and exit with 2. */
  | { readonly kind: "usage-error"; readonly message: string };

/** What `spiced` logs at every start with `--allow-insecure-connections`. */
export const insecureNotice =
  "--allow-insecure-connections disables authentication. Never use in production.";

/** Why a role without certificates does not start, and what to do on one's own machine. */
export const missingCertificates = `Cluster mTLS requires all of: --node-mtls-ca-certificate-file, --node-mtls-certificate-file, --node-mtls-key-file
Create them with \`spice cluster tls init\` and \`spice cluster tls add NAME\`.
For development on one machine start without mTLS instead: add --allow-insecure-connections`;

/**
 * Parse the arguments of `spiced` (without the program's name). Accepts `--flag value` and `--flag=value`. Starts
 * nothing and reads no file.
 */
export function parseFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): FlagsOutcome {
  try {
    const given = collect(args);
    if (given.switches.has("--help")) return { kind: "help", text: helpText() };
    if (given.switches.has("--version")) return { kind: "version" };
    return { kind: "run", options: optionsFrom(given, env) };
  } catch (error) {
    if (error instanceof UsageError) {
      return {
        kind: "usage-error",
        message: `${error.message}\nRun \`spiced --help\` for the list of flags.`,
      };
    }
    throw error;
  }
}

/** The role that the flags and the spicepod together give; `single` is scheduler and executor in one process. */
export function resolveRole(
  options: SpicedOptions,
  spicepod: { readonly hasScheduler: boolean },
): "scheduler" | "executor" | "single" {
  return options.role ?? (spicepod.hasScheduler ? "scheduler" : "single");
}

/** Why this role cannot start with these options; `undefined` when it can. */
export function checkRole(
  role: "scheduler" | "executor" | "single",
  options: SpicedOptions,
): string | undefined {
  if (role === "executor" && options.schedulerAddress === undefined) {
    return "An executor needs --scheduler-address, e.g. --scheduler-address https://scheduler.example.com:50052";
  }
  if (role !== "single" && options.nodeCertificates === undefined && !options.allowInsecure) {
    return missingCertificates;
  }
  return undefined;
}

class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Given {
  readonly values: ReadonlyMap<FlagName, string>;
  readonly switches: ReadonlySet<FlagName>;
  readonly verbosity: 0 | 1 | 2;
}

function collect(args: readonly string[]): Given {
  const specs = new Map<string, FlagSpec & { name: FlagName }>(flagTable.map((spec) => [spec.name, spec]));
  const values = new Map<FlagName, string>();
  const switches = new Set<FlagName>();
  let verbosity = 0;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (/^-v+$/.test(arg)) {
      verbosity += arg.length - 1;
      continue;
    }
    const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
    const name = arg === "-h" ? "--help" : equals < 0 ? arg : arg.slice(0, equals);
    const spec = specs.get(name);
    if (spec === undefined) throw unknownArgument(name);
    if (spec.value === undefined) {
      if (equals >= 0) throw new UsageError(`${name} takes no value`);
      if (spec.name === "--verbose") verbosity += 1;
      switches.add(spec.name);
      continue;
    }
    const value = equals >= 0 ? arg.slice(equals + 1) : args[++i];
    if (value === undefined || value === "" || (equals < 0 && value.startsWith("--"))) {
      throw new UsageError(`${name} needs a value: ${name} ${spec.value}`);
    }
    if (values.has(spec.name)) throw new UsageError(`${name} is given twice`);
    values.set(spec.name, value);
  }
  return { values, switches, verbosity: verbosity >= 2 ? 2 : verbosity === 1 ? 1 : 0 };
}

function unknownArgument(name: string): UsageError {
  if (!name.startsWith("-")) {
    return new UsageError(`Unexpected argument ${name}: spiced takes flags only`);
  }
  const near = suggest(
    name,
    flagTable.map((spec) => spec.name),
  );
  return new UsageError(`Unknown flag ${name}${near === undefined ? "" : `. Did you mean ${near}?`}`);
}

function optionsFrom(given: Given, env: Readonly<Record<string, string | undefined>>): SpicedOptions {
  const { values, switches } = given;
  const schedulerAddress = schedulerUrl(values.get("--scheduler-address"));
  const role = roleFrom(values.get("--role"), schedulerAddress);
  return {
    role,
    http: bind(values, "--http", "127.0.0.1:8090"),
    flight: bind(values, "--flight", "127.0.0.1:50051"),
    metrics: values.has("--metrics") ? bind(values, "--metrics", "") : undefined,
    nodeBind: bind(values, "--node-bind-address", "0.0.0.0:50052"),
    nodeAdvertise: advertise(values.get("--node-advertise-address"), env["NODE_ADVERTISE_ADDRESS"]),
    schedulerAddress,
    nodeCertificates: nodeCertificates(values),
    tls: publicCertificates(values),
    allowInsecure: switches.has("--allow-insecure-connections"),
    dataDir: { path: values.get("--data-dir") ?? ".spice/data", given: values.has("--data-dir") },
    shutdownTimeoutMs: duration(values, "--shutdown-timeout", 30_000),
    spicepod: { path: values.get("--spicepod") ?? "spicepod.yaml", given: values.has("--spicepod") },
    verbosity: given.verbosity,
  };
}

function roleFrom(
  text: string | undefined,
  scheduler: URL | undefined,
): "scheduler" | "executor" | undefined {
  switch (text) {
    case undefined:
      return scheduler === undefined ? undefined : "executor";
    case "executor":
      return text;
    case "scheduler":
      if (scheduler !== undefined) {
        throw new UsageError("--scheduler-address belongs to an executor, not to --role scheduler");
      }
      return text;
    default:
      throw new UsageError(`--role is scheduler or executor, not ${text}`);
  }
}

function bind(values: ReadonlyMap<FlagName, string>, name: FlagName, byDefault: string): BindAddress {
  const text = values.get(name) ?? byDefault;
  const address = parseAddress(text);
  if (address === undefined) throw new UsageError(`${name} needs HOST:PORT, not ${text}`);
  return { ...address, given: values.has(name) };
}

function advertise(flag: string | undefined, variable: string | undefined): SpicedOptions["nodeAdvertise"] {
  const text = flag ?? (variable === "" ? undefined : variable);
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (address !== undefined) return address;
  if (/^[^\s:/]+$/.test(text)) return { host: text, port: undefined };
  if (/^[0-9A-Fa-f:]+$/.test(text)) return { host: text, port: undefined };
  const name = flag === undefined ? "NODE_ADVERTISE_ADDRESS" : "--node-advertise-address";
  throw new UsageError(`${name} needs HOST or HOST:PORT, not ${text}`);
}

function schedulerUrl(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw new UsageError(
      `--scheduler-address needs a URL such as https://scheduler.example.com:50052, not ${text}`,
    );
  }
  return url;
}

function nodeCertificates(values: ReadonlyMap<FlagName, string>): NodeCertificateFiles | undefined {
  const caCertificateFile = values.get("--node-mtls-ca-certificate-file");
  const certificateFile = values.get("--node-mtls-certificate-file");
  const keyFile = values.get("--node-mtls-key-file");
  if (caCertificateFile === undefined && certificateFile === undefined && keyFile === undefined) {
    return undefined;
  }
  if (caCertificateFile === undefined || certificateFile === undefined || keyFile === undefined) {
    throw new UsageError(missingCertificates);
  }
  return { caCertificateFile, certificateFile, keyFile };
}

function publicCertificates(values: ReadonlyMap<FlagName, string>): CertificateFiles | undefined {
  const certificateFile = values.get("--tls-certificate-file");
  const keyFile = values.get("--tls-key-file");
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile === undefined || keyFile === undefined) {
    throw new UsageError("TLS on the public ports needs both --tls-certificate-file and --tls-key-file");
  }
  return { certificateFile, keyFile };
}

function duration(values: ReadonlyMap<FlagName, string>, name: FlagName, byDefault: number): number {
  const text = values.get(name);
  if (text === undefined) return byDefault;
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new UsageError(`${name} needs a duration such as 30s, not ${text}`);
  return milliseconds;
}
