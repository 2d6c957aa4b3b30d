import { expect } from "@jest/globals";
import { eventually } from "../../../kube/test/support/wait.ts";
import { podsOf, reasonOf, settled, spicepodOf } from "../../support/sales.ts";
import { ofCluster, type Story } from "../../support/story.ts";

/** Changes of the resource. Operators are killed in the middle of each, and their successors finish it. */
export function changes(story: Story): void {
  const { data } = story;

  story.step("a dataset that is added to the spicepod is loaded without a new pod", async () => {
    const before = await data.podUids(ofCluster);
    await story.patch({ schedulerSpec: { spicepod: spicepodOf("events", "more_events") } });
    await eventually(
      "the changed spicepod in its ConfigMap",
      async () =>
        (await data.run("get", "configmap/sales-spicepod", "--output=yaml")).includes("more_events"),
      { everyMs: 200 },
    );
    await story.killOperators();
    await eventually(
      "an answer from the new dataset",
      async () => {
        const url = "http://sales:8090/v1/sql";
        const { rows } = await story.asking.askAt(url, "SELECT count(*) AS n FROM more_events");
        return rows === '[["120000"]]';
      },
      { timeoutMs: 240_000, everyMs: 2000 },
    );
    await settled(data, 3);
    await story.answers("spicepod changed, operators killed", "none fails");
    expect(await data.podUids(ofCluster)).toEqual(before);
  });

  story.step(
    "an image that does not exist stops the rollout at its canary, and the old one heals it",
    async () => {
      const before = await data.podUids(ofCluster);
      story.pods.countFewest("executor", "scheduler");
      await story.patch({ executorSpec: { image: { tag: "no-such-tag" } } });
      expect(await reasonOf(data, "Degraded", "True")).toBe("RolloutStopped");
      expect(await podsOf(data, "executor")).toEqual({
        "sales-executor-0-0": true,
        "sales-executor-1-0": true,
        "sales-executor-2-0": false,
      });
      await story.answers("broken image", "none fails");
      await story.patch({ executorSpec: { image: { tag: null } } });
      await settled(data, 3);
      await story.answers("reverted image", "none fails");
      const after = await data.podUids(ofCluster);
      expect({ ...after, "sales-executor-2-0": "" }).toEqual({ ...before, "sales-executor-2-0": "" });
      expect([story.pods.fewest("executor"), story.pods.fewest("scheduler")]).toEqual([2, 2]);
    },
  );

  story.step("a changed template is rolled out over executors and schedulers", async () => {
    const before = await data.podUids(ofCluster);
    const old = new Set(Object.values(before));
    const env = [{ name: "STORY", value: "rolled-out" }];
    story.pods.countFewest("executor", "scheduler");
    await story.patch({ executorSpec: { env }, schedulerSpec: { env } });
    const uids = async () => Object.values(await data.podUids(ofCluster));
    await eventually("the canary", async () => (await uids()).some((uid) => !old.has(uid)), {
      timeoutMs: 120_000,
      everyMs: 500,
    });
    await story.killOperators();
    await eventually("all pods to be new", async () => (await uids()).every((uid) => !old.has(uid)), {
      timeoutMs: 280_000,
      everyMs: 1000,
    });
    await settled(data, 3);
    await story.answers("rollout, operators killed", "none fails");
    // One executor after the other, and never fewer schedulers than there shall be.
    expect([story.pods.fewest("executor"), story.pods.fewest("scheduler")]).toEqual([2, 2]);
  });
}
