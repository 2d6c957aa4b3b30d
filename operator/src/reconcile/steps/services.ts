import { roles } from "../../api/names.ts";
import { renderClientService } from "../../render/client-service.ts";
import { renderHeadlessService } from "../../render/headless-service.ts";
import { renderNetworkPolicy } from "../../render/network-policy.ts";
import { renderRole } from "../../render/role.ts";
import { renderRoleBinding } from "../../render/role-binding.ts";
import { renderServiceAccount } from "../../render/service-account.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";

/** What pods need around them before they start: names, accounts, network rules. */
export async function services(pass: Pass): Promise<StepOutcome> {
  const { context } = pass.valid;
  const wanted = [
    renderClientService(context),
    ...roles.flatMap((role) => [
      renderHeadlessService(context, role),
      ...renderServiceAccount(context, role),
      ...renderRole(context, role),
      ...renderRoleBinding(context, role),
      ...renderNetworkPolicy(context, role),
    ]),
  ];
  for (const object of wanted) await pass.apply(object);
  return goOn;
}
