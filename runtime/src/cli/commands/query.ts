import { Argument, type Command } from "commander";
import { isBlank, splitStatements } from "../../core/sql/split-statements.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { outcomeLine, runSql } from "../run-sql.ts";

/** `spice query "SQL"`: run one statement, print its result. */
export function addQuery(program: Command, cli: Cli): void {
  program
    .command("query")
    .description("run one statement and print its result")
    .addArgument(new Argument("<sql>", "the statement"))
    .action(async (sql: string) => {
      const { statements, rest } = splitStatements(sql);
      const all = isBlank(rest) ? statements : [...statements, rest.trim()];
      if (all.length !== 1) throw new CliError("spice query takes exactly one statement", { exitCode: 2 });
      const outcome = await runSql(cli.io, cli.client(), all[0]!, cli.output(), cli.io.signal);
      if (cli.io.stderr.isTTY === true) cli.io.stderr.write(`${outcomeLine(outcome)}\n`);
    });
}
