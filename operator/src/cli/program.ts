import { Command, CommanderError } from "commander";
import { stringify } from "yaml";
import { clusterJsonSchema, customResourceDefinition } from "../api/crd.ts";
import { RenderError, renderFile } from "./render-file.ts";

/** What a command reads and writes. */
export interface OperatorIo {
  out(text: string): void;
  err(text: string): void;
  /** @throws Error when the file cannot be read; `-` is standard input. */
  read(file: string): string;
}

/**
 * Run `spiceai-operator` with these arguments (without the program's name).
 * @returns the exit code: 0 ok, 1 failed, 2 usage
 */
export function runOperatorCli(args: readonly string[], io: OperatorIo, version: string): number {
  const program = new Command("spiceai-operator")
    .description("The operator of SpicepodClusters")
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  program
    .command("crd")
    .description("print the CustomResourceDefinition")
    .action(() =>
      io.out(stringify(customResourceDefinition(), { lineWidth: 0, aliasDuplicateObjects: false })),
    );
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
  try {
    program.parse([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof RenderError || isFileError(error)) {
      io.err(`${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

function isFileError(error: unknown): error is Error {
  return typeof error === "object" && error !== null && "code" in error && "syscall" in error;
}
