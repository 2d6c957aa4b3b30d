import {
  type Client,
  type Clock,
  type Credentials,
  LeaderElection,
  type Leadership,
  leaseStore,
  type Random,
} from "@spice-shards/kube";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { FencedTransport } from "./fenced-transport.ts";

export interface LeadOptions {
  readonly server: URL;
  readonly credentials: Credentials;
  /** Without a limiter, so that renewals never wait behind other requests. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  readonly elect: boolean;
  readonly namespace: string;
  readonly lease: string;
  readonly identity: string;
  readonly term: TermWork;
}

/**
 * The work of one term, over connections that refuse writes once another may lead. It ends when `signal` aborts; at
 * `over` nobody waits for it any more.
 */
export type TermWork = (transport: FencedTransport, signal: AbortSignal, over: AbortSignal) => Promise<void>;

/** How long a term may take to end after leadership was lost. */
const endMs = 5000;

/** The work of a term did not end, or ended by itself: only a new process helps. */
export class TermError extends Error {
  override readonly name = "TermError";
}

/**
 * Leads whenever the Lease allows it, until `signal` aborts; the Lease is free then (15 s / 10 s / 2 s, spec chapter 09,
 * Operator process).
 * @throws TermError, or what the work of a term throws
 */
export async function lead(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, random, log, namespace, lease, identity } = options;
  if (!options.elect) return await term(options, { signal, isValid: () => true });
  const election = new LeaderElection({
    store: leaseStore(client, namespace, lease),
    identity,
    clock,
    random,
    onError: (error) => log.warn("the Lease could not be kept", { error: (error as Error).message }),
    onLeader: () => log.info("leading", { identity }),
  });
  log.info("waiting to lead", { identity, lease: `${namespace}/${lease}` });
  while (!signal.aborted) {
    try {
      const end = await election.run(signal, (leadership) => term(options, leadership));
      log[end === "lost" ? "warn" : "info"](`leadership was ${end}`, { identity });
    } catch (error) {
      if (error === signal.reason) return; // Stopped while it waited.
      throw error;
    }
  }
}

async function term(options: LeadOptions, { signal, isValid }: Leadership): Promise<void> {
  const { clock, server, credentials, metrics } = options;
  const transport = new FencedTransport({ server, credentials, isValid });
  const late = Promise.withResolvers<never>();
  const done = new AbortController();
  const onAbort = () => {
    const message = `the controller did not end within ${endMs / 1000} s after its term`;
    clock.sleep(endMs, done.signal).then(
      () => late.reject(new TermError(message)),
      () => {}, // It ended.
    );
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  metrics.leader(true);
  try {
    await Promise.race([options.term(transport, signal, done.signal), late.promise]);
    if (!signal.aborted) throw new TermError("the controller ended by itself");
  } finally {
    metrics.leader(false);
    metrics.termEnded();
    done.abort(new Error("the term is over"));
    signal.removeEventListener("abort", onAbort);
    transport.close();
  }
}
