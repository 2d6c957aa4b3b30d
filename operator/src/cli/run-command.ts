import { Command, InvalidArgumentError, Option } from "commander";
import {
  addProperties,
  type BindAddress,
  OptionError,
  parseBindAddress,
  parseBoolean,
  parseCount,
  parseDomain,
  parseName,
  parseNamespaces,
  type RunOptions,
} from "../process/run-options.ts";
import { defaultSettings } from "../reconcile/settings.ts";
import { type AdmissionPolicy, admissionPolicies } from "../webhook/admission-policy.ts";

interface Flags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly name: string;
  readonly operatorNamespace?: string;
  readonly healthProbeBindAddress: BindAddress | "off";
  readonly metricsBindAddress: BindAddress | "off";
  readonly webhookBindAddress: BindAddress | "off";
  readonly clusterDomain: string;
  readonly admissionPolicy: AdmissionPolicy;
  readonly watchNamespaces: readonly string[];
  readonly denyNamespaces: readonly string[];
  readonly pauseCrashloopingPodsThreshold: number;
  readonly telemetryProperties: Readonly<Record<string, string>>;
  readonly leaderElect: boolean;
  readonly verbose: boolean;
}

/** `spiceai-operator run` with the flags of spec chapter 09. `run` gets what they ask for. */
export function runCommand(run: (options: RunOptions) => Promise<void>): Command {
  const address = (flag: string, standard: string, what: string) =>
    new Option(`--${flag} <host:port>`, `where ${what}; off: nowhere`)
      .argParser(checked(parseBindAddress))
      .default(parseBindAddress(standard), standard);
  const threshold = String(defaultSettings.pauseCrashloopingPodsThreshold);
  return new Command("run")
    .description("watch SpicepodClusters and bring the Kubernetes cluster in line with them")
    .addOption(address("health-probe-bind-address", "0.0.0.0:8090", "/health and /ready are served"))
    .addOption(address("metrics-bind-address", "0.0.0.0:9090", "/metrics is served"))
    .addOption(address("webhook-bind-address", "0.0.0.0:8443", "the validating webhook is served"))
    .option(
      "--operator-namespace <name>",
      "the namespace of the operator's own objects (default: the credentials')",
      checked(parseName),
    )
    .option(
      "--name <name>",
      "the operator's name: of its Lease, webhook Service and Secret",
      checked(parseName),
      "spiceai-operator",
    )
    .option(
      "--cluster-domain <domain>",
      "the DNS domain of the Kubernetes cluster",
      checked(parseDomain),
      defaultSettings.clusterDomain,
    )
    .addOption(
      new Option("--admission-policy <policy>", "what the webhook does with an invalid resource")
        .choices(admissionPolicies)
        .default("err"),
    )
    .option(
      "--watch-namespaces <names>",
      "only these namespaces, separated by commas",
      checked(parseNamespaces),
      [],
    )
    .option("--deny-namespaces <names>", "never these namespaces", checked(parseNamespaces), [])
    .option(
      "--pause-crashlooping-pods-threshold <count>",
      "failures of an executor after which its cluster is paused; 0: never",
      checked(parseCount),
      Number(threshold),
    )
    .option(
      "--telemetry-properties <K=V,…>",
      "labels of all metrics and fields of all log lines; can be repeated",
      (text: string, before: Readonly<Record<string, string>>) =>
        checked((value) => addProperties(value, before))(text),
      {},
    )
    .addOption(
      new Option("--leader-elect [boolean]", "work only while this replica holds the Lease")
        .argParser(checked(parseBoolean))
        .preset("true")
        .default(true),
    )
    .option("--verbose", "log every request to the API server", false)
    .option(
      "--kubeconfig <file>",
      "credentials (default: as kubectl finds them, or the pod's service account)",
    )
    .option("--context <name>", "the kubeconfig's context")
    .action((flags: Flags) => run(optionsOf(flags)));
}

function optionsOf(flags: Flags): RunOptions {
  return {
    kubeconfig: flags.kubeconfig,
    context: flags.context,
    name: flags.name,
    operatorNamespace: flags.operatorNamespace,
    healthAddress: served(flags.healthProbeBindAddress),
    metricsAddress: served(flags.metricsBindAddress),
    webhookAddress: served(flags.webhookBindAddress),
    admissionPolicy: flags.admissionPolicy,
    leaderElect: flags.leaderElect,
    telemetryProperties: flags.telemetryProperties,
    verbose: flags.verbose,
    settings: {
      ...defaultSettings,
      clusterDomain: flags.clusterDomain,
      watchNamespaces: flags.watchNamespaces,
      denyNamespaces: flags.denyNamespaces,
      pauseCrashloopingPodsThreshold: flags.pauseCrashloopingPodsThreshold,
    },
  };
}

function served(address: BindAddress | "off"): BindAddress | undefined {
  return address === "off" ? undefined : address;
}

/** Turns what a parser throws into a usage error that names the flag. */
function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof OptionError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}
