import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client, KubeObject } from "@spice-shards/kube";
import { Bundle } from "../../../runtime/src/cli/report/bundle.ts";
import { collectKubernetes } from "../../../runtime/src/cli/report/kubernetes/collect.ts";
import { folderSink } from "../../../runtime/src/cli/report/sink.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";

/** Longer would hide the failure that the bundle is about. */
const longestMs = 30_000;

/** What besides objects and logs of pods a test knows, by file name. */
export type MoreFiles = Readonly<Record<string, unknown>>;

/**
 * Leave the bundle that `spice report` would make of a cluster, for whoever looks into a failed test, and print where it is:
 * below `TEST_BUNDLES`, else in the temporary directory. Never throws: the test's own failure is what counts.
 */
export async function leaveBundle(
  testName: string,
  target: {
    readonly client: Client;
    readonly namespace: string;
    readonly cluster: string;
    /** Where the operator runs, when it is another namespace. */
    readonly operatorNamespace?: string;
  },
  more: MoreFiles = {},
): Promise<string | undefined> {
  try {
    const base = process.env["TEST_BUNDLES"] ?? tmpdir();
    const name = testName.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60);
    const bundle = new Bundle(await folderSink(await mkdtemp(join(base, `bundle-${name}-`))));
    const signal = AbortSignal.timeout(longestMs);
    try {
      await collectKubernetes(bundle, {
        operatorNamespace: target.namespace,
        ...target,
        logLines: 2000,
        signal,
      });
    } catch (error) {
      bundle.failed("kubernetes", error);
    }
    for (const [file, value] of Object.entries(more)) {
      await (typeof value === "string" ? bundle.text(file, value) : bundle.json(file, value));
    }
    await bundle.finish({ test: testName, cluster: target.cluster, namespace: target.namespace });
    console.error(`The state at the failure of "${testName}" is in ${bundle.place}`);
    return bundle.place;
  } catch (error) {
    console.error(`No bundle of the failure of "${testName}":`, error);
    return undefined;
  }
}

/**
 * For hooks after a test: when it failed, a bundle of each of the newest clusters that are still there. Needs the environment
 * of tests that knows of failures (`@jest-environment ./scripts/jest/environment.mjs`).
 */
export async function leaveBundlesIfFailed(client: Client, more: MoreFiles = {}): Promise<void> {
  const { failedTest } = globalThis as { failedTest?: string };
  if (failedTest === undefined) return;
  const { items } = await client.list<KubeObject>(types.cluster).catch(() => ({ items: [] }));
  for (const { metadata } of items.slice(-3))
    await leaveBundle(
      failedTest,
      { client, namespace: metadata.namespace ?? "", cluster: metadata.name ?? "" },
      more,
    );
}
