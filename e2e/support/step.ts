import { test } from "@jest/globals";
import type { Kubectl } from "./kubectl.ts";

/** Declare a test of one step on a cluster; when it fails, what there was in these namespaces is shown. */
export function step(
  what: string,
  run: () => Promise<void>,
  options: { readonly shows: readonly Kubectl[]; readonly timeoutMs: number },
): void {
  test(what, () => showing(options.shows, run), options.timeoutMs);
}

/** Do `run`; when it throws, what there is in these namespaces is shown first. */
export async function showing(namespaces: readonly Kubectl[], run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const bundles = await Promise.all(namespaces.map((each) => each.bundle()));
    console.log(bundles.join("\n"));
    throw error;
  }
}
