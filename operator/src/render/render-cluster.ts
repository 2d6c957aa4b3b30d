import { roles } from "../api/names.ts";
import { leavesOf, renderCertificate } from "./certificate.ts";
import { renderClientService } from "./client-service.ts";
import { renderConfigMap } from "./config-map.ts";
import type { KubernetesObject, RenderContext } from "./context.ts";
import { renderDisruptionBudget } from "./disruption-budget.ts";
import { renderExecutorStatefulSet } from "./executor-stateful-set.ts";
import { renderHeadlessService } from "./headless-service.ts";
import { renderNetworkPolicy } from "./network-policy.ts";
import { renderPodMonitor } from "./pod-monitor.ts";
import { renderRole } from "./role.ts";
import { renderRoleBinding } from "./role-binding.ts";
import { renderSchedulerDeployment } from "./scheduler-deployment.ts";
import { renderServiceAccount } from "./service-account.ts";

/**
 * Every object of a cluster but its Secrets, in the order in which they are applied (spec chapter 09). Pure: equal
 * inputs give equal objects.
 */
export function renderCluster(context: RenderContext): readonly KubernetesObject[] {
  return [
    ...leavesOf(context, executorIndexes(context)).flatMap((leaf) => renderCertificate(context, leaf)),
    renderConfigMap(context),
    renderClientService(context),
    ...roles.map((role) => renderHeadlessService(context, role)),
    ...roles.flatMap((role) => [
      ...renderServiceAccount(context, role),
      ...renderRole(context, role),
      ...renderRoleBinding(context, role),
      ...renderNetworkPolicy(context, role),
    ]),
    renderSchedulerDeployment(context),
    ...executorIndexes(context).map((index) => renderExecutorStatefulSet(context, index)),
    ...roles.map((role) => renderDisruptionBudget(context, role)),
    ...renderPodMonitor(context),
  ];
}

/** The executors that the resource asks for; with `replicas: 0` those that are there, which then have no pod. */
export function executorIndexes({ cluster, observed }: RenderContext): readonly number[] {
  const { replicas } = cluster.spec.executorSpec;
  if (replicas === 0) return [...observed.executors.keys()].sort((a, b) => a - b);
  return Array.from({ length: replicas }, (_, index) => index);
}
