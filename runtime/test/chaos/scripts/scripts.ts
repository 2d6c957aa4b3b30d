import type { Script } from "../script.ts";
import { executorScripts } from "./executor-scripts.ts";
import { linkScripts } from "./link-scripts.ts";
import { moveScripts } from "./move-scripts.ts";
import { schedulerScripts } from "./scheduler-scripts.ts";
import { storeScripts } from "./store-scripts.ts";

/** Every named fault script. */
export const scripts: readonly Script[] = [
  ...executorScripts,
  ...moveScripts,
  ...linkScripts,
  ...storeScripts,
  ...schedulerScripts,
];
