import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "../cli.ts";
import { print } from "../io.ts";
import { ClusterDir } from "../local/cluster-dir.ts";
import { stopCluster } from "../local/cluster-down.ts";
import { startCluster } from "../local/cluster-up.ts";
import { addState } from "./state.ts";
import { addTls } from "./tls.ts";

interface UpOptions {
  readonly executors: number;
  readonly spicepod: string;
  readonly http: string;
  readonly timeout: number;
}

/** `spice cluster up`, `down`, `state` and `tls`. */
export function addCluster(program: Command, cli: Cli): void {
  const cluster = program.command("cluster").description("a local cluster of processes, and certificates");
  cluster
    .command("up")
    .description("start a scheduler and executors on this machine")
    .option("--executors <n>", "how many executors", count, 3)
    .option("--spicepod <path>", "the spicepod to serve", "spicepod.yaml")
    .option("--http <address>", "where the HTTP API listens", "127.0.0.1:8090")
    .option("--timeout <seconds>", "how long to wait until every dataset is loaded", count, 300)
    .action(async ({ timeout, ...options }: UpOptions) => {
      const record = await startCluster(cli.io, { ...options, readyTimeoutMs: timeout * 1000 });
      print(
        cli.io,
        `The cluster runs at ${record.endpoint}. Logs: ${new ClusterDir(cli.io.cwd).path}/logs\nStop it with \`spice cluster down\`.`,
      );
    });
  cluster
    .command("down")
    .description("stop the cluster that `up` or `quickstart` started here")
    .action(async () => {
      const dir = new ClusterDir(cli.io.cwd);
      const record = dir.read();
      const stopped = await stopCluster(dir, record?.processes ?? []);
      print(
        cli.io,
        stopped.length === 0 ? "No local cluster is running here." : `Stopped ${stopped.join(", ")}.`,
      );
    });
  addState(cluster, cli);
  addTls(cluster, cli);
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}
