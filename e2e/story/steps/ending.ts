import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "@jest/globals";
import { eventually } from "../../../kube/test/support/wait.ts";
import { memoryOfPods, writesOf } from "../../support/at-rest.ts";
import { postgresPassword } from "../../support/postgres-image.ts";
import { storyDataset } from "../../support/s3-pod.ts";
import { podsOf, sales } from "../../support/sales.ts";
import { ofCluster, type Story } from "../../support/story.ts";

const awayForAWhile = /Refresh failed; the old data stays|Dataset could not be opened/;

/** The cluster at rest, what the watchers saw of the whole story, and its end. */
export function ending(story: Story): void {
  const { data, system, cluster } = story;

  story.step("at rest nothing is written, and memory is what it was", async () => {
    const operators = Object.keys(await system.podUids("app.kubernetes.io/name=spiceai-operator"));
    const writes = () => Promise.all(operators.map((pod) => writesOf(system, pod)));
    // The last events of what came before may still be on their way.
    await eventually(
      "15 s without a write",
      async () => {
        const before = await writes();
        await delay(15_000);
        return String(await writes()) === String(before);
      },
      { timeoutMs: 150_000 },
    );
    const memory = {
      ...(await memoryOfPods(cluster, "story-data")),
      ...(await memoryOfPods(cluster, "spice-system")),
    };
    story.note(`  memory in MB: ${JSON.stringify(memory)}`);
    const ours = [
      ...operators,
      ...Object.keys({ ...(await podsOf(data, "scheduler")), ...(await podsOf(data, "executor")) }),
    ];
    // Bounds that catch a leak; the aims are in docs/benchmarks.md.
    for (const pod of ours) {
      expect([pod, memory[pod]]).toEqual([pod, expect.any(Number)]);
      expect([pod, (memory[pod] ?? 0) < 600]).toEqual([pod, true]);
    }
  });

  story.step("meanwhile each partition had one owner, and nothing happened without a reason", async () => {
    expect(story.owners.broken).toEqual([]);
    expect(story.owners.answers).toBeGreaterThan(50);
    expect(story.pods.unexplained).toEqual([]);
    expect(story.operatorPods.unexplained).toEqual([]);
    const ready = story.ready.of("story-data/sales");
    story.note(
      `  Ready: ${ready.map(({ status, reason }) => (status === "True" ? status : reason)).join(", ")}`,
    );
    expect(ready.length).toBeGreaterThan(1);
    for (const { status, reason, message } of ready)
      expect({ status, reason, message }).toMatchObject(
        status === "True" ? { reason: "AsExpected" } : { reason: expect.not.stringMatching(/^AsExpected$/) },
      );
    const logs = await data.run("logs", "--selector", ofCluster, "--tail=-1", "--max-log-requests=10");
    const errors = logs.split("\n").filter((line) => line.includes('"level":"error"'));
    // Faults and a machine that is far too busy keep an executor from its schedulers for a while.
    expect(errors.filter((line) => !awayForAWhile.test(line))).toEqual([]);
  });

  story.step("its support bundle has all of it and no secret", async () => {
    const folder = await data.report("sales");
    const file = (path: string) => readFileSync(join(folder, path), "utf8");
    expect(JSON.parse(file("manifest.json"))).toMatchObject({ cluster: "sales", not_collected: [] });
    const [scheduler = ""] = Object.keys(await podsOf(data, "scheduler"));
    const { executors, revision } = JSON.parse(file(`nodes/${scheduler}/cluster.json`)) as {
      executors: unknown[];
      revision: number;
    };
    expect([executors.length, revision > 1]).toEqual([2, true]);
    expect(JSON.parse(file(`nodes/${scheduler}/partitions/orders.json`))).toHaveLength(11);
    expect(file(`nodes/${scheduler}/metrics.txt`)).toContain("scheduler_active_executors_count 2");
    expect(file(`logs/${scheduler}/spiced.log`)).toContain("Scheduler started");
    for (const path of globSync("**/*", { cwd: folder, withFileTypes: true }))
      if (path.isFile())
        for (const secret of [postgresPassword, storyDataset.params.s3_secret])
          expect([
            path.name,
            readFileSync(join(path.parentPath, path.name), "utf8").includes(secret),
          ]).toEqual([path.name, false]);
    rmSync(folder, { recursive: true });
  });

  story.step("a deleted cluster takes its pods along and leaves its volumes", async () => {
    await data.run("delete", sales, "--wait=true", "--timeout=200s");
    await eventually(
      "the pods to be gone",
      async () => Object.keys(await data.podUids(ofCluster)).length === 0,
      { timeoutMs: 200_000, everyMs: 1000 },
    );
    const { items } = await data.get<{ items: unknown[] }>("pvc");
    expect(items).toHaveLength(2);
  });
}
