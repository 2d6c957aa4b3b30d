import { Command, CommanderError, Option } from "commander";
import { ApiClient } from "./api-client.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { addCluster } from "./commands/cluster.ts";
import { addDatasets } from "./commands/datasets.ts";
import { addDrain } from "./commands/drain.ts";
import { addPartitions } from "./commands/partitions.ts";
import { addQuery } from "./commands/query.ts";
import { addQuickstart } from "./commands/quickstart.ts";
import { addRefresh } from "./commands/refresh.ts";
import { addReport } from "./commands/report.ts";
import { addSql } from "./commands/sql.ts";
import { addStatus } from "./commands/status.ts";
import type { Io } from "./io.ts";
import { type OutputFormat, outputFormats } from "./output.ts";

const defaultEndpoint = "http://127.0.0.1:8090";

/** Commands that ask no node and print no rows. */
const localCommands = new Set(["up", "down", "init", "add", "remove", "quickstart"]);

/**
 * Run the command line of `spice` (without the program's name). Resolves with the exit code: 0 ok, 1 failed,
 * 2 wrong usage.
 */
export async function runCli(args: readonly string[], io: Io, version: string): Promise<number> {
  const program = new Command("spice");
  const cli: Cli = {
    io,
    version,
    client: () => {
      const { endpoint, httpEndpoint } = program.opts<{ endpoint?: string; httpEndpoint?: string }>();
      return new ApiClient(httpEndpoint ?? endpoint ?? defaultEndpoint);
    },
    output: () => program.opts<{ output: OutputFormat }>().output,
  };
  program
    .description("Query and look after a cluster of sharded data accelerations.")
    .version(version)
    .addOption(new Option("--output <format>", "how to print").choices([...outputFormats]).default("table"))
    .option("--endpoint <url>", `the node to ask (default: ${defaultEndpoint})`)
    .option("--http-endpoint <url>", "the same")
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError("Run `spice --help` or `spice COMMAND --help`.")
    // What stands after a command is the command's: `--output` of a report is a folder.
    .enablePositionalOptions()
    .exitOverride();
  for (const add of [
    addSql,
    addQuery,
    addStatus,
    addDatasets,
    addPartitions,
    addRefresh,
    addDrain,
    addCluster,
    addQuickstart,
    addReport,
  ]) {
    add(program, cli);
  }
  inheritGlobals(program, program.commands);
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    return exitCode(error, io);
  }
}

/** `spice status --output json` means the same as `spice --output json status`. */
function inheritGlobals(program: Command, commands: readonly Command[]): void {
  for (const command of commands) {
    command.exitOverride().copyInheritedSettings(program);
    if (command.commands.length > 0) {
      inheritGlobals(program, command.commands);
      continue;
    }
    if (localCommands.has(command.name())) continue;
    const own = command.options.map((option) => option.attributeName());
    const inherited = ["output", "endpoint", "httpEndpoint"].filter((name) => !own.includes(name));
    if (inherited.includes("output")) {
      command.addOption(new Option("--output <format>", "how to print").choices([...outputFormats]));
    }
    command
      .option("--endpoint <url>", "the node to ask")
      .option("--http-endpoint <url>", "the same")
      .hook("preAction", (_outer, action) => {
        for (const name of inherited) {
          const value: unknown = action.getOptionValue(name);
          if (value !== undefined) program.setOptionValue(name, value);
        }
      });
  }
}

function exitCode(error: unknown, io: Io): number {
  // Commander has printed its own message; only help and version are no mistakes.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (io.signal.aborted) return 1;
  io.stderr.write(`${(error as Error).message}\n`);
  return error instanceof CliError ? error.exitCode : 1;
}
