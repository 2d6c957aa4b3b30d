import { annotation } from "../../api/names.ts";
import type { ObservedPod } from "../../lifecycle/types.ts";
import { type ContainerState, isReady, type PodObject } from "../objects.ts";

type Ended = NonNullable<ContainerState["terminated"]>;

/** A pod as plans see it. */
export function observePod(pod: PodObject): ObservedPod {
  const { metadata, status } = pod;
  const createdMs = Date.parse(metadata.creationTimestamp ?? "") || 0;
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === "Ready");
  const unplaced = conditions.find(
    ({ type, status: holds, reason }) =>
      type === "PodScheduled" && holds === "False" && reason === "Unschedulable",
  );
  const container = status?.containerStatuses?.[0];
  const waiting = container?.state?.waiting;
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  const refused = status?.phase === "Failed" ? status : undefined;
  const waitingReason = waiting?.reason ?? unplaced?.reason ?? refused?.reason;
  // What it waits for in a crash loop is the next try, in words that change with each.
  const awaited = waiting?.reason === "CrashLoopBackOff" ? undefined : waiting?.message;
  const lastError =
    refused?.message ?? lastLine(ended?.message) ?? awaited ?? unplaced?.message ?? endOf(ended);
  return {
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
    ready: isReady(pod),
    templateHash: metadata.annotations?.[annotation.templateHash] ?? "",
    deleting: metadata.deletionTimestamp !== undefined,
    restarts: container?.restartCount ?? 0,
    ...(waitingReason === undefined ? {} : { waitingReason }),
    ...(lastError === undefined ? {} : { lastError }),
    createdMs,
    readyChangedMs: Date.parse(ready?.lastTransitionTime ?? "") || createdMs,
  };
}

/** How a container ended that said nothing. */
function endOf(ended: Ended | undefined): string | undefined {
  if (ended === undefined) return undefined;
  const { reason, exitCode } = ended;
  return exitCode === undefined ? reason : `${reason ?? "Error"}, exit code ${exitCode}`;
}

/** What a container said last, short enough for a condition. */
function lastLine(text: string | undefined): string | undefined {
  const line = text
    ?.split("\n")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .at(-1);
  return line?.slice(0, 500);
}
