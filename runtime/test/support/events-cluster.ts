import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../../src/ports/database.ts";
import { type ClusterOptions, TestCluster } from "./cluster.ts";
import type { S3TestServer } from "./s3-server.ts";
import { eventsTable } from "./tables.ts";

export interface EventsClusterOptions extends Omit<ClusterOptions, "spicepod" | "stateLocation"> {
  /** Where the file goes, with what a test put there before; a new directory when absent. Goes with the cluster. */
  readonly dir?: string;
  /** Rows of the table `events`. */
  readonly rows: number;
  /** Lines of its `acceleration`, e.g. `engine: arrow`. */
  readonly acceleration: readonly string[];
  /** Further lines of the dataset. */
  readonly dataset?: readonly string[];
  /** Further lines of `runtime.scheduler`. */
  readonly scheduler?: readonly string[];
  /** The state is in this bucket instead of a local directory; `endpoint` when something stands before the server. */
  readonly state?: { readonly s3: S3TestServer; readonly prefix: string; readonly endpoint?: string };
}

/** A cluster whose every scheduler is ready, over one Parquet file that one database holds too. */
export interface EventsCluster {
  readonly cluster: TestCluster;
  /** Has the same rows as `events`. */
  readonly truth: Database;
  /** Where the file `events.parquet` is. */
  readonly dir: string;
  /** Stop it and delete the directory; also of one that did not become ready. */
  stop(): Promise<void>;
}

export async function startEventsCluster(options: EventsClusterOptions): Promise<EventsCluster> {
  const { rows, state } = options;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "spice-data-")));
  let truth: Database | undefined;
  let cluster: TestCluster | undefined;
  const stop = async () => {
    await cluster?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    truth = await eventsTable(join(dir, "events.parquet"), rows);
    cluster = await TestCluster.start({
      ...options,
      spicepod: spicepod(options, join(dir, "events.parquet")),
      ...(state === undefined
        ? {}
        : {
            stateLocation: `s3://${state.s3.bucket}/${state.prefix}/`,
            env: { ...options.env, TEST_S3_SECRET: state.s3.secretKey },
          }),
    });
    for (let i = 0; i < (options.schedulers ?? 1); i += 1) await cluster.ready(60_000, i);
    return { cluster, truth, dir, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function spicepod({ acceleration, dataset = [], scheduler = [], state }: EventsClusterOptions, file: string) {
  const params =
    state === undefined
      ? []
      : [
          "params:",
          `  endpoint: ${state.endpoint ?? state.s3.endpoint}`,
          "  region: us-east-1",
          "  auth: key",
          `  key: ${state.s3.accessKey}`,
          `  secret: \${env:TEST_S3_SECRET}`,
        ];
  const indented = (lines: readonly string[], by: number) =>
    lines.map((line) => `${" ".repeat(by)}${line}`).join("\n");
  return `version: v1
kind: Spicepod
name: test
runtime:
  scheduler:
    state_location: "STATE"
${indented([...scheduler, ...params], 4)}
datasets:
  - from: file:${file}
    name: events
${indented(dataset, 4)}
    acceleration:
${indented(acceleration, 6)}
`;
}
