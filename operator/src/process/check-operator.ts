import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import {
  Client,
  type Clock,
  type ClusterAccess,
  Discovery,
  type Random,
  Transport,
} from "@spice-shards/kube";
import { types } from "../reconcile/cache/resource-types.ts";

export interface CheckOptions {
  /** Where health is served; every address that the name has is asked. */
  readonly url: URL;
  /** How long to wait for all to be well. */
  readonly timeoutMs: number;
}

const againMs = 1000;
const answerWithinMs = 5000;

/**
 * Looks whether the operator works: every replica is healthy and ready, and the API server knows SpicepodCluster. It needs no
 * rights but discovery, which every account has.
 *
 * @returns what is wrong at the end of the time; nothing when all is well
 */
export async function checkOperator(
  { url, timeoutMs }: CheckOptions,
  access: ClusterAccess,
  clock: Clock,
  random: Random,
): Promise<readonly string[]> {
  const transport = new Transport(access);
  const { signal } = new AbortController();
  try {
    const client = new Client({ transport, clock, random, userAgent: "spiceai-operator" });
    const until = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const problems = [...(await replicasAt(url)), ...(await apiOf(client, clock))];
      if (problems.length === 0 || clock.monotonicMs() >= until) return problems;
      await clock.sleep(againMs, signal);
    }
  } finally {
    transport.close();
  }
}

async function replicasAt(url: URL): Promise<readonly string[]> {
  try {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const addresses = isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
    const asked = addresses.flatMap((address) =>
      ["/health", "/ready"].map((path) => ask(url, address, path)),
    );
    return (await Promise.all(asked)).flatMap((problem) => problem ?? []);
  } catch (error) {
    return [`${url.host} cannot be found: ${(error as Error).message}`];
  }
}

async function ask({ protocol, port }: URL, address: string, path: string): Promise<string | undefined> {
  const host = address.includes(":") ? `[${address}]` : address;
  const target = `${protocol}//${host}${port === "" ? "" : `:${port}`}${path}`;
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(answerWithinMs) });
    const said = (await response.text()).trim();
    return response.ok ? undefined : `${target} says ${response.status}: ${said}`;
  } catch (error) {
    const { cause, message } = error as Error & { readonly cause?: Error };
    return `${target} does not answer: ${cause?.message ?? message}`;
  }
}

async function apiOf(client: Client, clock: Clock): Promise<readonly string[]> {
  try {
    if (await new Discovery({ client, clock }).serves(types.cluster)) return [];
    return [
      "the API server does not know spicepodclusters of spice.ai/v2: is the CustomResourceDefinition installed?",
    ];
  } catch (error) {
    return [`the API server cannot be asked: ${(error as Error).message}`];
  }
}
