import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../adapters/duckdb/database.ts";
import { systemClock } from "../../adapters/system/clock.ts";
import { HttpServer } from "../../api/http/server.ts";
import { DuckDbQueries } from "../../api/testing/duckdb-queries.ts";
import { FixedNode } from "../../api/testing/fixed-node.ts";
import { Log } from "../../observe/log.ts";
import { parseLogLevels } from "../../observe/log-level.ts";
import { Metrics } from "../../observe/metrics.ts";
import { runCli } from "../program.ts";
import { TestIo } from "./test-io.ts";

/** What a command printed, and its exit code. */
export interface CliOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The HTTP API of a node that always says the same, over one engine, and a directory to run commands in. */
export interface CliBed {
  readonly node: FixedNode;
  readonly endpoint: string;
  readonly cwd: string;
  /** Run `spice` with these arguments, as version 1.2.3; `input` is its standard input, which is no terminal. */
  spice(args: readonly string[], input?: string): Promise<CliOutcome>;
  close(): Promise<void>;
}

export async function openCliBed(): Promise<CliBed> {
  const database = await openDatabase({ threads: 1, memoryLimit: "256MB" });
  const cwd = mkdtempSync(join(tmpdir(), "spice-cli-"));
  const node = new FixedNode();
  const metrics = new Metrics({ role: "scheduler", nodeId: "n" });
  const server = new HttpServer({
    queries: new DuckDbQueries(database),
    node,
    clock: systemClock,
    logger: new Log({ levels: parseLogLevels("silent") }).module("http"),
    metrics,
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    node,
    endpoint: `http://127.0.0.1:${port}`,
    cwd,
    async spice(args, input) {
      const io = new TestIo(cwd, input === undefined ? {} : { input });
      const code = await runCli(args, io, "1.2.3");
      return { code, out: io.out, err: io.err };
    },
    async close() {
      await server.close(0);
      metrics.close();
      rmSync(cwd, { recursive: true });
      await database.close();
    },
  };
}
