import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { formatProblem, parseSpicepod, resolveParameters } from "@spice-shards/spicepod";
import type { Command } from "commander";
import { openStore } from "../../adapters/store/open.ts";
import { systemClock } from "../../adapters/system/clock.ts";
import { localSecretStores } from "../../adapters/system/local-secrets.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { print } from "../io.ts";
import { removeState } from "../state/remove-state.ts";

/** `spice cluster state remove`. */
export function addState(cluster: Command, cli: Cli): void {
  const state = cluster.command("state").description("what a cluster keeps at its state_location");
  state
    .command("remove")
    .description("remove the state of a cluster that is stopped for good; its schedulers must not run")
    .option("--spicepod <path>", "the spicepod that names runtime.scheduler.state_location", "spicepod.yaml")
    .action(async ({ spicepod: path }: { readonly spicepod: string }) => {
      const { io } = cli;
      const text = await readFile(resolve(io.cwd, path), "utf8").catch((cause: unknown) => {
        throw new CliError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
      });
      const { spicepod, problems = [] } = parseSpicepod(text);
      if (spicepod === undefined)
        throw new CliError(problems.map((problem) => `${path}: ${formatProblem(problem)}`).join("\n"));
      const { stateLocation, params = {} } = spicepod.runtime.scheduler ?? {};
      if (stateLocation === undefined)
        throw new CliError(`${path} names no runtime.scheduler.state_location`);
      const resolved = await resolveParameters(params, "runtime.scheduler.params", {
        stores: localSecretStores(spicepod.secrets),
        signal: io.signal,
      });
      const store = openStore(stateLocation, resolved.reveal(), { clock: systemClock });
      try {
        const removed = await removeState(store, systemClock, io.signal);
        print(io, `Removed ${removed} objects at ${store.location}.`);
      } finally {
        await store.close();
      }
    });
}
