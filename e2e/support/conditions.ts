import { eventually } from "../../kube/test/support/wait.ts";
import type { Kubectl } from "./kubectl.ts";

interface Resource {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
  };
}

/** What a cluster says of itself at its present generation: `Ready=False SchedulersNotReady: …`, one a condition. */
export async function conditionsOf(kubectl: Kubectl, cluster: string): Promise<readonly string[]> {
  const { metadata, status } = await kubectl.get<Resource>(`spicepodcluster/${cluster}`);
  if (status?.observedGeneration !== metadata.generation) return [];
  return (status.conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
}

/** Waits until conditions match all of these. @throws Error with what they are instead */
export async function saysAll(
  kubectl: Kubectl,
  cluster: string,
  expected: readonly RegExp[],
  timeoutMs = 120_000,
): Promise<void> {
  let last: readonly string[] = [];
  const all = async () => {
    last = await conditionsOf(kubectl, cluster);
    return expected.every((words) => last.some((condition) => words.test(condition)));
  };
  await eventually(`${cluster} to say so`, all, { timeoutMs, everyMs: 500 }).catch((error: unknown) => {
    const missing = expected.filter((words) => !last.some((condition) => words.test(condition)));
    throw new Error(`${cluster} lacks ${missing.join(" and ")}:\n${last.join("\n")}`, { cause: error });
  });
}
