import { expect } from "@jest/globals";
import { installOperator } from "../../support/operator-chart.ts";
import { salesResource, settled } from "../../support/sales.ts";
import type { Story } from "../../support/story.ts";
import { ordersQuery, storyQuery } from "../../support/story-data.ts";

/** From the chart to the first answers. */
export function beginning(story: Story): void {
  const { data, system } = story;

  story.step("the chart is installed and its operators become ready", async () => {
    await installOperator(system);
    const ready = ["--output=jsonpath={.status.readyReplicas}"];
    expect(await system.run("get", "deployment/spiceai-operator", ...ready)).toBe("2");
  });

  story.step("a namespace that enforces the restricted standard refuses other pods", async () => {
    const containers = [{ name: "free", image: "ghcr.io/spiceai/spiced:0.1.0" }];
    const free = { apiVersion: "v1", kind: "Pod", metadata: { name: "free" }, spec: { containers } };
    await expect(data.apply(free)).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  story.step("a SpicepodCluster over S3 and PostgreSQL becomes ready", async () => {
    await data.apply(salesResource);
    await story.ready.start();
    await data.run("wait", "--for=condition=Ready", "spicepodcluster/sales", "--timeout=280s");
    await settled(data, 3);
  });

  story.step("it answers by HTTP through its service, and each of its pods answers itself", async () => {
    await story.startAsking();
    const { STORY_TRUTH = "", STORY_ORDERS_TRUTH = "" } = process.env;
    const asked = async (host: string) => [
      await story.asking.askAt(`http://${host}:8090/v1/sql`, storyQuery),
      await story.asking.askAt(`http://${host}:8090/v1/sql`, ordersQuery),
    ];
    const right = [
      { status: 200, rows: STORY_TRUTH },
      { status: 200, rows: STORY_ORDERS_TRUTH },
    ];
    expect(await asked("sales.story-data.svc.cluster.local")).toEqual(right);
    for (const role of ["scheduler", "executor"]) {
      const selector = `spice.ai/cluster=sales,spice.ai/cluster-role=${role}`;
      const address = ["--selector", selector, "--output=jsonpath={.items[0].status.podIP}"];
      expect(await asked(await data.run("get", "pods", ...address))).toEqual(right);
    }
    const counts = await story.asking.phase(10);
    expect(counts).toMatchObject({ wrong: 0, failed: 0 });
    expect(counts.right).toBeGreaterThan(0);
  });
}
