import { setTimeout as sleep } from "node:timers/promises";
import { parseDuration } from "@spice-shards/spicepod";
import { type Command, InvalidArgumentError } from "commander";
import type { ApiClient } from "../api-client.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { print } from "../io.ts";
import { Progress } from "../progress.ts";

interface DrainAnswer {
  readonly message: string;
  readonly state?: "DRAINING" | "DRAINED" | "BLOCKED";
  readonly remaining?: number;
  readonly reason?: string;
}

interface ClusterAnswer {
  readonly executors: readonly { readonly id: string; readonly drain?: Omit<DrainAnswer, "message"> }[];
}

/** How long a drain may be blocked before the command gives up: an executor may just be coming back. */
const blockedMs = 3_000;
const lookMs = 500;
const defaultTimeoutMs = 600_000;

/** `spice drain EXECUTOR`. */
export function addDrain(program: Command, cli: Cli): void {
  program
    .command("drain")
    .description("move all partitions off an executor, so that it can be stopped without a failed query")
    .argument("<executor>", "its id, as `spice status` shows it")
    .option("--undrain", "let it take partitions again")
    .option(
      "--timeout <duration>",
      "how long to wait for the end; the drain itself goes on (default: 10m)",
      duration,
    )
    .action(async (executor: string, options: { undrain?: boolean; timeout?: number }) => {
      const client = cli.client();
      const text = await client.post(
        "/v1/cluster/drain",
        { executor, undrain: options.undrain === true },
        cli.io.signal,
      );
      const answer = JSON.parse(text) as DrainAnswer;
      const json = cli.output() === "json";
      if (options.undrain === true) {
        print(cli.io, json ? text : answer.message);
        return;
      }
      if (!json) print(cli.io, answer.message);
      await drained(cli, client, executor, options.timeout ?? defaultTimeoutMs);
      print(
        cli.io,
        json ? JSON.stringify({ executor, state: "DRAINED" }) : `Executor ${executor} is drained.`,
      );
    });
}

/** Wait until the executor has nothing left; throws a CliError when that does not come. */
async function drained(cli: Cli, client: ApiClient, executor: string, timeoutMs: number): Promise<void> {
  const progress = new Progress(cli.io.stderr);
  const started = performance.now();
  let blockedSince: number | undefined;
  try {
    for (;;) {
      const { executors } = await client.json<ClusterAnswer>("/v1/cluster", cli.io.signal);
      const member = executors.find(({ id }) => id === executor);
      if (member === undefined)
        throw new CliError(`Executor ${executor} left the cluster while it was draining`);
      if (member.drain === undefined) {
        throw new CliError(`The drain of executor ${executor} was ended: it takes partitions again`);
      }
      const { state, remaining = 0, reason = "" } = member.drain;
      if (state === "DRAINED") return;
      const now = performance.now();
      blockedSince = state === "BLOCKED" ? (blockedSince ?? now) : undefined;
      if (blockedSince !== undefined && now - blockedSince >= blockedMs) {
        throw new CliError(
          `BLOCKED: ${reason}. Executor ${executor} still has ${remaining} partition(s) and stays draining; \`spice drain ${executor} --undrain\` ends that.`,
        );
      }
      if (now - started >= timeoutMs) {
        throw new CliError(
          `Executor ${executor} still has ${remaining} partition(s) after ${Math.round(timeoutMs / 1000)} s. The drain goes on; the same command waits for it again.`,
        );
      }
      progress.show(`${remaining} partition(s) left on ${executor}`);
      await sleep(lookMs, undefined, { signal: cli.io.signal });
    }
  } finally {
    progress.clear();
  }
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("It must be a duration such as 30s or 10m.");
  return ms;
}
