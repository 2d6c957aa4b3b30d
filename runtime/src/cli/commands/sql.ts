import type { Command } from "commander";
import { isBlank, splitStatements } from "../../core/sql/split-statements.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { Repl } from "../repl/repl.ts";
import { runSql } from "../run-sql.ts";

interface SqlOptions {
  readonly command?: string;
}

/** `spice sql`: a prompt on a terminal; otherwise the statements of `-c`, the arguments or standard input. */
export function addSql(program: Command, cli: Cli): void {
  program
    .command("sql")
    .description("a prompt for SQL; without a terminal, runs the statements of its input")
    .argument("[sql...]", "statements to run instead of the prompt")
    .option("-c, --command <sql>", "statements to run instead of the prompt")
    .option("--repl", "a prompt (what this command does anyway)")
    .action(async (words: string[], options: SqlOptions) => {
      const given = options.command ?? (words.length > 0 ? words.join(" ") : undefined);
      if (given !== undefined) return runScript(cli, given);
      if (cli.io.stdin.isTTY === true) return new Repl(cli.io, cli.client(), cli.output()).run();
      return runScript(cli, await readAll(cli));
    });
}

async function runScript(cli: Cli, script: string): Promise<void> {
  const { statements, rest } = splitStatements(script);
  const client = cli.client();
  for (const statement of isBlank(rest) ? statements : [...statements, rest.trim()]) {
    const [command] = /^\s*\\\S*/.exec(statement) ?? [];
    if (command !== undefined) {
      throw new CliError(
        `${command.trim()} is a command of the prompt, which needs a terminal. Here only SQL runs, such as SHOW TABLES or DESCRIBE flights.`,
        { exitCode: 2 },
      );
    }
    await runSql(cli.io, client, statement, cli.output(), cli.io.signal);
  }
}

async function readAll({ io }: Cli): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of io.stdin) parts.push(Buffer.from(part as Buffer));
  return Buffer.concat(parts).toString("utf8");
}
