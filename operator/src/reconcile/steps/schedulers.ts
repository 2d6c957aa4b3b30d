import { names } from "../../api/names.ts";
import { renderSchedulerDeployment } from "../../render/scheduler-deployment.ts";
import { withTemplate } from "../executor-sets.ts";
import type { DeploymentObject } from "../objects.ts";
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
  const keeps = !mayRoll && live !== undefined && pass.isOurs(live);
  await pass.apply(keeps ? withTemplate(wanted, live.spec.template) : wanted);
  return goOn;
}
