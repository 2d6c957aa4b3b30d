import { playScripts, randomScripts } from "../chaos/play-scripts.ts";
import { linkScripts } from "../chaos/scripts/link-scripts.ts";
import { schedulerScripts } from "../chaos/scripts/scheduler-scripts.ts";
import { storeScripts } from "../chaos/scripts/store-scripts.ts";

playScripts("chaos of links, store and schedulers", [
  ...storeScripts,
  ...linkScripts,
  ...schedulerScripts,
  ...randomScripts(),
]);
