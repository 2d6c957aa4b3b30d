import { renderConfigMap } from "../../render/config-map.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";

/** The spicepod that schedulers load. */
export async function config(pass: Pass): Promise<StepOutcome> {
  await pass.apply(renderConfigMap(pass.valid.context));
  return goOn;
}
