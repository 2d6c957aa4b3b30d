import { ConfigError, ConnectionError, DeadlineError, StatusError } from "@spice-shards/kube";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { stringify } from "yaml";
import { clusterJsonSchema, customResourceDefinition } from "../api/crd.ts";
import type { CheckOptions } from "../process/check-operator.ts";
import type { RunOptions } from "../process/run-options.ts";
import { RenderError, renderFile } from "./render-file.ts";
import { runCommand } from "./run-command.ts";

/** What a command reads and writes. */
export interface OperatorIo {
  out(text: string): void;
  err(text: string): void;
  /** @throws Error when the file cannot be read; `-` is standard input. */
  read(file: string): string;
  /** Runs the operator until the process is told to stop. @returns the exit code */
  run(options: RunOptions): Promise<number>;
  /** Applies the CustomResourceDefinition. @returns its name @throws Error when that fails */
  applyCrd(access: Credentials): Promise<string>;
  /** Looks whether an operator works. @returns what is wrong with it */
  check(options: CheckOptions, access: Credentials): Promise<readonly string[]>;
}

/** Where credentials are; as kubectl finds them when absent. */
export interface Credentials {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/**
 * Run `spiceai-operator` with these arguments (without the program's name).
 * @returns the exit code: 0 ok, 1 failed, 2 usage
 */
export async function runOperatorCli(
  args: readonly string[],
  io: OperatorIo,
  version: string,
): Promise<number> {
  let code = 0;
  const program = new Command("spiceai-operator")
    .description("The operator of SpicepodClusters")
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  program
    .command("crd")
    .description("print the CustomResourceDefinition, or apply it")
    .option("--apply", "apply it to the Kubernetes cluster")
    .option("--kubeconfig <file>", "credentials for --apply (default: as kubectl finds them)")
    .option("--context <name>", "the kubeconfig's context")
    .action(async (options: { apply?: boolean; kubeconfig?: string; context?: string }) => {
      if (options.apply === true) io.out(`${await io.applyCrd(options)} applied\n`);
      else io.out(stringify(customResourceDefinition(), { lineWidth: 0, aliasDuplicateObjects: false }));
    });
  program
    .command("json-schema")
    .description("print a JSON Schema of the resource, for editors")
    .action(() => io.out(`${JSON.stringify(clusterJsonSchema(), null, 2)}\n`));
  program
    .command("render")
    .description("print what would be created for a SpicepodCluster, without Secrets")
    .requiredOption("-f, --filename <file>", "the resource; - is standard input")
    .option("-n, --namespace <name>", "where a resource without a namespace is", "default")
    .option("--cluster-domain <domain>", "the DNS domain of the Kubernetes cluster", "cluster.local")
    .action((options: { filename: string; namespace: string; clusterDomain: string }) => {
      const warn = (line: string) => io.err(`${line}\n`);
      io.out(renderFile(io.read(options.filename), options, warn));
    });
  program
    .command("check")
    .description(
      "look whether the operator works: its replicas, and whether the API server knows the resource",
    )
    .addOption(
      new Option("--url <url>", "where health is served; every address of the name is asked")
        .argParser(urlOf)
        .default(new URL("http://127.0.0.1:8090"), "http://127.0.0.1:8090"),
    )
    .addOption(
      new Option("--timeout <seconds>", "how long to wait for all to be well")
        .argParser(secondsOf)
        .default(60),
    )
    .option("--kubeconfig <file>", "credentials (default: as kubectl finds them, or the pod's)")
    .option("--context <name>", "the kubeconfig's context")
    .action(async ({ url, timeout, ...access }: { url: URL; timeout: number } & Credentials) => {
      const problems = await io.check({ url, timeoutMs: timeout * 1000 }, access);
      for (const problem of problems) io.err(`${problem}\n`);
      if (problems.length === 0) io.out(`${url.host} is healthy and ready, and SpicepodCluster is known\n`);
      else code = 1;
    });
  const run = runCommand(async (options) => {
    code = await io.run(options);
  });
  program.addCommand(run.copyInheritedSettings(program));
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof RenderError || isFileError(error) || isKubeError(error)) {
      io.err(`${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

function urlOf(text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new InvalidArgumentError("must be a URL such as http://host:8090.");
}

function secondsOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("must be a whole number of seconds.");
}

/** What goes wrong between this program and an API server. */
function isKubeError(error: unknown): error is Error {
  return [StatusError, ConnectionError, ConfigError, DeadlineError].some((type) => error instanceof type);
}

function isFileError(error: unknown): error is Error {
  return typeof error === "object" && error !== null && "code" in error && "syscall" in error;
}
