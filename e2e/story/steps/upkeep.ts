import { expect } from "@jest/globals";
import { installOperator } from "../../support/operator-chart.ts";
import { sales, settled } from "../../support/sales.ts";
import { ofCluster, type Story } from "../../support/story.ts";

/** The operator's own changes, and the way back to a small cluster. */
export function upkeep(story: Story): void {
  const { data, system } = story;

  story.step(
    "neither an operator that restarts nor a chart that is installed again changes a pod",
    async () => {
      const before = await data.podUids(ofCluster);
      expect(Object.keys(before)).toHaveLength(7);
      await system.run("rollout", "restart", "deployment/spiceai-operator");
      await system.run("rollout", "status", "deployment/spiceai-operator", "--timeout=240s");
      await installOperator(system);
      await story.answers("operator restarted, chart installed again", "none fails");
      expect(await data.podUids(ofCluster)).toEqual(before);
    },
  );

  story.step("it scales from 5 executors down to 2", async () => {
    await data.run("scale", sales, "--replicas=2");
    await settled(data, 2);
    await story.answers("scaled to 2", "none fails");
    const { items } = await data.get<{ items: unknown[] }>("pvc");
    expect(items).toHaveLength(2);
  });
}
