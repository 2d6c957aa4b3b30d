import { setTimeout as delay } from "node:timers/promises";
import { expect } from "@jest/globals";
import { eventually } from "../../../kube/test/support/wait.ts";
import { lostAfterMs, podsOf, settled } from "../../support/sales.ts";
import type { Story } from "../../support/story.ts";

const executors = 5;

/**
 * What nobody asked for. A partition has one holder, so queries may fail while it is away without notice: until there are
 * replicas the promise is an exact answer or an error. Who is told beforehand hands over first.
 */
export function faults(story: Story): void {
  const { data, cluster } = story;
  const restartsOf = async (pod: string) =>
    Number(
      await data.run("get", `pod/${pod}`, "--output=jsonpath={.status.containerStatuses[0].restartCount}"),
    );

  story.step("killed and frozen processes and a lost volume cost no wrong answer", async () => {
    const [scheduler = ""] = Object.keys(await podsOf(data, "scheduler"));
    for (const pod of ["sales-executor-4-0", scheduler]) {
      story.pods.expectRestart(pod);
      await story.nodes.signal(data, pod, "KILL");
    }
    await eventually("the executor to be back", async () => (await restartsOf("sales-executor-4-0")) === 1, {
      everyMs: 500,
    });
    await story.answers("processes killed", "some may fail");

    // The scheduler waits meanwhile until its former process counts as gone.
    const claim = "data-sales-executor-1-0";
    const claimUid = () => data.run("get", `pvc/${claim}`, "--output=jsonpath={.metadata.uid}");
    const before = await claimUid();
    await story.nodes.signal(data, "sales-executor-3-0", "STOP");
    const frozen = delay(1.2 * lostAfterMs + 5_000);
    await data.run("delete", `pvc/${claim}`, "--wait=false");
    await data.run("delete", "pod/sales-executor-1-0", "--force", "--grace-period=0");
    await frozen;
    await story.nodes.signal(data, "sales-executor-3-0", "CONT");
    await settled(data, executors);
    expect(await claimUid()).not.toBe(before);
    expect(await restartsOf(scheduler)).toBe(1);
    await story.answers("executor frozen, volume lost", "some may fail");
  });

  story.step("a node is drained, and no query fails", async () => {
    const node = await data.run("get", "pod/sales-executor-0-0", "--output=jsonpath={.spec.nodeName}");
    story.pods.countFewest("executor", "scheduler");
    const servers = "app notin (s3,postgres,client,story-node)";
    const flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=280s"];
    await cluster.run("drain", node, ...flags, `--pod-selector=${servers}`);
    await settled(data, executors);
    await cluster.run("uncordon", node);
    const moved = await data.run("get", "pod/sales-executor-0-0", "--output=jsonpath={.spec.nodeName}");
    expect(moved).not.toBe(node);
    await story.answers("node drained", "none fails");
    expect(story.pods.fewest("executor")).toBeGreaterThanOrEqual(executors - 1);
    expect(story.pods.fewest("scheduler")).toBeGreaterThanOrEqual(1);
  });
}
