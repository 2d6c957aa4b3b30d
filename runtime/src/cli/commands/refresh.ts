import { type Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { print } from "../io.ts";

/** `spice refresh DATASET`. */
export function addRefresh(program: Command, cli: Cli): void {
  program
    .command("refresh")
    .description("refresh a dataset from its source now")
    .argument("<dataset>")
    .addOption(new Option("--refresh-mode <mode>", "another mode this once").choices(["full", "append"]))
    .option("--refresh-sql <sql>", "another refresh_sql this once")
    .action(async (dataset: string, options: { refreshMode?: string; refreshSql?: string }) => {
      const path = `/v1/datasets/${encodeURIComponent(dataset)}/acceleration/refresh`;
      const body = { refresh_mode: options.refreshMode, refresh_sql: options.refreshSql };
      const answer = await cli.client().post(path, body);
      print(cli.io, cli.output() === "json" ? answer : (JSON.parse(answer) as { message: string }).message);
    });
}
