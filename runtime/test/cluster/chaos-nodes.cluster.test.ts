import { playScripts } from "../chaos/play-scripts.ts";
import { executorScripts } from "../chaos/scripts/executor-scripts.ts";
import { moveScripts } from "../chaos/scripts/move-scripts.ts";

playScripts("chaos of executors and moves", [...executorScripts, ...moveScripts]);
