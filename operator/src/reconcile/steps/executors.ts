import { fieldManager, names } from "../../api/names.ts";
import type { ExecutorAction } from "../../lifecycle/types.ts";
import type { KubernetesObject } from "../../render/context.ts";
import type { AdminAccess } from "../admin-access.ts";
import { types } from "../cache/resource-types.ts";
import type { PlannedExecutors } from "../executor-plan.ts";
import { executorStatefulSet } from "../observe/executor-sets.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";
import { removeIssuedOf } from "./issued-certificates.ts";

/** Carries out what was planned for the executors, in order; the first that fails ends the pass. */
export async function executors(
  pass: Pass,
  admin: AdminAccess,
  planned: PlannedExecutors,
): Promise<StepOutcome> {
  const { actions, requeueMs } = planned.plan;
  for (const action of actions) await perform(pass, admin, planned, action);
  if (requeueMs !== undefined) pass.lookAgainIn(requeueMs);
  // What was done changes what is seen, mostly by an event. Drains and pauses bring none.
  if (actions.length > 0) pass.lookAgainIn(1000);
  return goOn;
}

async function perform(
  pass: Pass,
  admin: AdminAccess,
  { nodes }: PlannedExecutors,
  action: ExecutorAction,
): Promise<void> {
  const { client, log, metrics } = pass.deps;
  const { namespace, name, signal } = pass;
  switch (action.kind) {
    case "create": {
      const object = executorStatefulSet(pass.valid.context, action.index, action.shape, undefined);
      await create(pass, object);
      return;
    }
    case "apply-template":
    case "mark":
    case "set-retention":
    case "scale":
    case "repair": {
      const live = nodes.sets.get(action.index);
      const { context } = pass.valid;
      await pass.apply(executorStatefulSet(context, action.index, action.shape, live?.spec.template), {
        object: live,
      });
      return;
    }
    case "drain":
    case "undrain": {
      const connection = await admin.admin();
      log.info(`${action.kind} ${action.executor}`, { cluster: pass.key });
      if (action.kind === "drain") await connection.drain([action.executor], signal);
      else await connection.undrain([action.executor], signal);
      return;
    }
    case "delete-stateful-set": {
      // The certificate first: as long as the StatefulSet is there, this is tried again.
      const secret = names.executorSecret(name, action.index);
      const { issuerRef } = pass.valid.cluster.spec.certificates;
      if (issuerRef !== undefined && !(await removeIssuedOf(pass, secret))) return;
      await pass.deps.secrets.remove(namespace, secret, signal);
      pass.memory.secrets = undefined;
      const target = { namespace, name: names.executor(name, action.index), uid: action.uid };
      await pass.removeByName("StatefulSet", target);
      pass.record("Normal", "ScalingDown", "Delete", `executor ${action.index} is gone`);
      return;
    }
    case "delete-pod":
      pass.record("Normal", action.reason, "DeletePod", action.message);
      await pass.removeByName("Pod", { namespace, name: action.pod, uid: action.uid });
      metrics.restarted(action.reason);
      return;
    case "delete-claim":
      await pass.removeByName("PersistentVolumeClaim", { namespace, name: action.claim, uid: action.uid });
      return;
    case "expand-claim": {
      const body = { spec: { resources: { requests: { storage: action.request } } } };
      const target = { namespace, name: action.claim };
      await client.patch(types.claim, target, { type: "merge", body }, { fieldManager, signal });
      pass.record("Normal", "VolumeExpansion", "Expand", `claim ${action.claim} grows to ${action.request}`);
      return;
    }
    case "pause":
      pass.pause = action.pause;
      pass.record("Warning", action.pause.reason, "Pause", action.message);
      return;
    case "resume":
      pass.pause = undefined;
      pass.record("Normal", "AsExpected", "Resume", action.message);
      return;
    default:
      action satisfies never;
  }
}

/**
 * Makes a StatefulSet that is not there. Applied and not posted, so that what it no longer has later goes; the look before
 * is for caches that are behind.
 */
async function create(pass: Pass, object: KubernetesObject): Promise<void> {
  const present = pass.isFirst ? undefined : await pass.read(types.statefulSet, object.metadata.name);
  if (present === undefined) await pass.apply(object, { object: undefined });
  else pass.lookAgainIn(1000);
}
