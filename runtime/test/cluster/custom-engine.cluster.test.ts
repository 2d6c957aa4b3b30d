import { cpSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { expectExactAnswers } from "../support/answers.ts";
import { spawnSpiced } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";

const example = join(import.meta.dirname, "../../../examples/accelerator-parquet/dist");

describe("the engine of examples/accelerator-parquet, loaded by SPICED_ACCELERATORS", () => {
  let dir: string;
  let module: string;
  let bed: EventsCluster | undefined;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-engine-"));
    // Away from every node_modules, as where an image mounts it.
    cpSync(example, join(dir, "parquet"), { recursive: true });
    await writeFile(join(dir, "parquet", "package.json"), '{ "type": "module" }');
    module = join(dir, "parquet", "index.js");
    bed = await startEventsCluster({
      executors: 2,
      rows: 20_000,
      acceleration: [
        "engine: parquet",
        'partition_by: ["bucket(4, id)", region]',
        "params: { parquet_compression: snappy }",
      ],
      // Nothing moves while an executor is away, however slow the machine starts it again.
      scheduler: ["executor_lost_after: 10m"],
      env: { SPICED_ACCELERATORS: module },
    });
  });

  afterAll(async () => {
    await bed?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test("its partitions are spread over executors, which answer exactly", async () => {
    const { cluster, truth } = bed!;
    for (const i of [0, 1]) {
      const files = readdirSync(join(cluster.dataDir(i), "parquet"), { recursive: true }).map(String);
      expect(files.filter((file) => file.endsWith("manifest.json")).length).toBeGreaterThan(5);
    }
    await expectExactAnswers(cluster, truth);
  });

  test("an executor that was killed serves from its files again, without asking the source", async () => {
    const { cluster, truth } = bed!;
    cluster.executors[0]!.kill("SIGKILL");
    await cluster.executors[0]!.exited;
    const again = await cluster.startExecutor(0);
    const loaded = await again.line((l) => l.message === "Loaded partitions");
    expect(loaded["rows"]).toBe(0);
    await cluster.ready();
    await expectExactAnswers(cluster, truth);
  });

  const refused = async (acceleration: string, accelerators: string) => {
    const cwd = await mkdtemp(join(dir, "node-"));
    await writeFile(
      join(cwd, "spicepod.yaml"),
      `version: v1
kind: Spicepod
name: refused
datasets:
  - from: file:${join(bed!.dir, "events.parquet")}
    name: events
    acceleration: { engine: parquet, ${acceleration} }
`,
    );
    const node = spawnSpiced("refused", ["--http=127.0.0.1:0"], {
      cwd,
      env: { SPICED_ACCELERATORS: accelerators },
    });
    expect(await node.exited).toBe(1);
    return node.tail();
  };

  test("what the engine cannot do, or does not know, ends the start with a reason", async () => {
    const said = await refused(
      "params: { parquet_compresion: zstd, parquet_row_group_rows: many }, indexes: { id: enabled }, primary_key: id, time_column: created_at, refresh_mode: append",
      module,
    );
    expect(said).toContain(
      "`parquet_compresion` is not a parameter of the engine `parquet` of dataset 'events'",
    );
    expect(said).toContain("Did you mean `parquet_compression`?");
    expect(said).toContain("parquet_row_group_rows: must be a whole number");
    expect(said).toContain("does not support `indexes`");
    expect(said).toContain("does not support `primary_key with refresh_mode: append`");
  });

  test("a module that is not there or brings no engine ends the start with its name", async () => {
    expect(await refused("mode: file", "/no/such/engine.js")).toContain(
      "spiced cannot start: SPICED_ACCELERATORS: /no/such/engine.js cannot be loaded:",
    );
    expect(await refused("mode: file", join(dir, "parquet", "file-options.js"))).toContain(
      "file-options.js does not export a function registerAccelerators",
    );
  });
});
