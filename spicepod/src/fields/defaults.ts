import { Report } from "../field/report.ts";
import type { SchedulerSettings } from "../model.ts";
import { treeOf } from "../tree/tree.ts";
import { schedulerSection } from "./runtime.ts";

/** `runtime.scheduler` of a spicepod that has no such section. */
export const schedulerDefaults: SchedulerSettings = Object.freeze(
  schedulerSection.read(treeOf({}), new Report()) as SchedulerSettings,
);
