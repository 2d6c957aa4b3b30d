import { differences, listRulesOf } from "@spice-shards/kube";
import { listRules } from "../../api/list-rules.ts";
import { names } from "../../api/names.ts";
import { renderSchedulerDeployment } from "../../render/scheduler-deployment.ts";
import type { DeploymentObject } from "../objects.ts";
import { withTemplate } from "../observe/executor-sets.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";

/**
 * The schedulers' Deployment. In an upgrade executors come first, so until they are done it keeps the template that it
 * has, and everything else of it is brought about.
 */
export async function schedulers(pass: Pass, mayRoll: boolean): Promise<StepOutcome> {
  const wanted = renderSchedulerDeployment(pass.valid.context);
  const key = `${pass.namespace}/${names.workload(pass.name, "scheduler")}`;
  const live = pass.deps.caches.child<DeploymentObject>("deployment", key);
  if (mayRoll || live === undefined || !pass.isOurs(live)) {
    await pass.apply(wanted);
    return goOn;
  }
  const rules = listRulesOf("Deployment", listRules.Deployment);
  const kept = withTemplate(wanted, live.spec.template);
  // Without a difference the write would only say that what was applied last is another text.
  if (differences(kept, live, rules).length > 0) await pass.apply(kept);
  return goOn;
}
