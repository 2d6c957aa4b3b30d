import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { ApiClient } from "../api-client.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Io, print } from "../io.ts";
import { ClusterDir, type ClusterRecord } from "../local/cluster-dir.ts";
import { stopCluster } from "../local/cluster-down.ts";
import { startCluster } from "../local/cluster-up.ts";
import { isAlive } from "../local/process-identity.ts";
import { outcomeLine, runSql } from "../run-sql.ts";

const executors = 3;

/** What the tour shows, one query each. */
const tour = [
  {
    title: "Pruning: one airport lives in one partition, so only its executor is asked.",
    sql: `SELECT origin, count(*) AS flights, round(avg(delay), 1) AS avg_delay
FROM flights
WHERE origin = 'SEA'
GROUP BY origin`,
  },
  {
    title: "Split aggregation: every executor aggregates its own rows, the scheduler merges.",
    sql: `SELECT count(*) AS flights, count(DISTINCT origin) AS airports,
       round(avg(delay), 2) AS avg_delay, max(distance) AS longest
FROM flights`,
  },
  {
    title: "Top-K: every executor sends its own five, the scheduler picks five of those.",
    sql: `SELECT date, origin, destination, delay
FROM flights
ORDER BY delay DESC NULLS LAST, date, origin, destination
LIMIT 5`,
  },
] as const;

/** `spice quickstart`: three million flights, three executors, three queries. */
export function addQuickstart(program: Command, cli: Cli): void {
  program
    .command("quickstart")
    .description("start a local cluster on three million flights and query it")
    .option("--http <address>", "where the HTTP API listens", "127.0.0.1:8090")
    .action(async (options: { http: string }) => {
      const record = await clusterForTour(cli.io, options.http);
      await showTour(cli.io, new ApiClient(record.endpoint));
      print(cli.io, howToGoOn(record.endpoint));
    });
}

/** The cluster of an earlier run when it still serves the tour's dataset; else a new one. */
async function clusterForTour(io: Io, http: string): Promise<ClusterRecord> {
  const spicepod = writeSpicepod(io);
  const dir = new ClusterDir(io.cwd);
  const earlier = dir.read();
  if (earlier !== undefined) {
    const usable =
      earlier.spicepod === spicepod.path && !spicepod.changed && earlier.endpoint === `http://${http}`;
    if (usable && earlier.processes.every(isAlive) && (await isReady(earlier.endpoint))) {
      print(io, `Using the cluster that is already running at ${earlier.endpoint}.`);
      return earlier;
    }
    if (earlier.spicepod !== spicepod.path && earlier.processes.some(isAlive)) {
      throw new CliError(
        `A local cluster with ${earlier.spicepod} is running at ${earlier.endpoint}. Stop it with \`spice cluster down\` first.`,
      );
    }
    await stopCluster(dir, earlier.processes);
  }
  print(io, `Starting 1 scheduler and ${executors} executors; flights is partitioned by bucket(12, origin).`);
  return startCluster(io, { executors, spicepod: spicepod.path, http, readyTimeoutMs: 120_000 });
}

async function isReady(endpoint: string): Promise<boolean> {
  const path = `/v1/ready?min_ready_executors=${executors}`;
  try {
    return (await new ApiClient(endpoint).probe(path, AbortSignal.timeout(3000))).status === 200;
  } catch {
    return false;
  }
}

function writeSpicepod(io: Io): { path: string; changed: boolean } {
  const text = `version: v1
kind: Spicepod
name: quickstart
datasets:
  - from: file:${flightsFile()}
    name: flights
    acceleration:
      enabled: true
      engine: arrow
      partition_by:
        - bucket(12, origin)
`;
  const path = join(io.cwd, ".spice", "quickstart", "spicepod.yaml");
  mkdirSync(dirname(path), { recursive: true });
  const changed = readIfThere(path) !== text;
  if (changed) writeFileSync(path, text);
  return { path, changed };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The sample data comes with an npm package of this project's. */
function flightsFile(): string {
  const found = findPackageJSON("vega-datasets", import.meta.url);
  if (found === undefined) {
    throw new CliError(
      "The npm package vega-datasets, which holds the flights, is not installed. Run `npm install`.",
    );
  }
  return join(dirname(found), "data", "flights-3m.parquet");
}

async function showTour(io: Io, client: ApiClient): Promise<void> {
  for (const { title, sql } of tour) {
    print(io, `\n${title}\n\n${sql.replace(/^/gm, "  ")}\n`);
    const outcome = await runSql(io, client, sql, "table", io.signal);
    print(io, outcomeLine(outcome));
    if (outcome.executors.length > 0) print(io, `asked: ${outcome.executors.join(", ")}`);
  }
}

function howToGoOn(endpoint: string): string {
  const flag = endpoint === "http://127.0.0.1:8090" ? "" : ` --endpoint ${endpoint}`;
  return `
The cluster keeps running. Go on with:

  npx spice sql${flag}
  npx spice partitions flights${flag}
  curl -d "SELECT destination, count(*) FROM flights GROUP BY 1 ORDER BY 2 DESC LIMIT 3" ${endpoint}/v1/sql
  curl -H "Accept: text/plain" -d "EXPLAIN SELECT avg(delay) FROM flights WHERE origin = 'SEA'" ${endpoint}/v1/sql
  curl ${endpoint}/v1/status

Stop it with \`make stop\` or \`npx spice cluster down\`.`;
}
