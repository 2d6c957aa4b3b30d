import { unavailable } from "../unavailable.ts";
import { checkCluster } from "./cluster.ts";
import type { CheckContext } from "./context.ts";
import { checkEngines } from "./engine.ts";
import { checkEngineParameters } from "./engine-parameters.ts";
import { checkNames } from "./names.ts";
import { checkPartitionExpressions } from "./partition-by.ts";
import { checkSecrets } from "./secrets.ts";
import { checkSnapshots } from "./snapshots.ts";
import { checkSources } from "./source.ts";
import { checkSupported } from "./supported.ts";
import { checkTimes } from "./times.ts";
import { checkUnavailable } from "./unavailable.ts";
import { checkWrites } from "./write.ts";

/**
 * All checks at start (spec chapters 02, 05 and 06). Of several problems with one field the first is reported, so
 * the order counts: what a setting means comes before what this version lacks, and that before what an engine lacks.
 */
export function runChecks(context: CheckContext): void {
  checkNames(context);
  checkWrites(context);
  checkUnavailable(context, context.options.unavailable ?? unavailable);
  checkSupported(context);
  checkEngines(context);
  checkEngineParameters(context);
  checkSources(context);
  checkTimes(context);
  checkSnapshots(context);
  checkPartitionExpressions(context);
  checkCluster(context);
  checkSecrets(context);
}
