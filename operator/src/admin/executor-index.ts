import { names } from "../api/names.ts";

/** The executor that advertises this address: its pod's name comes first in it. Undefined for any other node. */
export function executorIndex(cluster: string, address: string): number | undefined {
  const [pod = ""] = address.split(/[.:]/);
  const index = /-executor-(0|[1-9][0-9]*)-0$/.exec(pod)?.[1];
  return index !== undefined && pod === `${names.executor(cluster, Number(index))}-0`
    ? Number(index)
    : undefined;
}
