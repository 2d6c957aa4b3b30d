import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import { driverOf } from "../../core/cluster/membership/membership.ts";
import { messageOf } from "../../core/text/message-of.ts";
import type { Logger } from "../../observe/log.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { ClusterState } from "./cluster-state.ts";
import { Collector } from "./collect.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { pollState } from "./poll.ts";
import { runReaper } from "./reaper.ts";
import type { Registration } from "./registration.ts";
import type { PeerBeat } from "./scheduler-observer.ts";

export interface StateLoops {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly heartbeat: Heartbeat;
  readonly registration: Registration;
  readonly ttlMs: number;
  /** The last beat of a peer that the store has; rejects when it does not answer. */
  ask(peer: SchedulerEntry): Promise<PeerBeat>;
}

/**
 * Start what a member does about the shared state until the signal aborts: beat, stay registered, remove schedulers
 * that are gone, look for newer documents, and as the driver collect old objects. One that rejects ends the process.
 */
export function runStateLoops(parts: StateLoops, signal: AbortSignal): Promise<void>[] {
  const { state, clock, random, log, heartbeat, registration, ttlMs, ask } = parts;
  const say = (level: "warn" | "error", message: string) => (error: unknown) =>
    log[level]({ cause: messageOf(error) }, message);
  const drives = () => driverOf(state.document) === state.schedulerId;
  return [
    heartbeat.run(signal),
    registration.keep(signal),
    runReaper(
      {
        state,
        clock,
        random,
        ttlMs,
        ask,
        onReaped: (ids) => log.warn({ schedulers: ids }, "Removed schedulers whose beats stopped"),
        onError: say("warn", "The reaper could not look at the others"),
      },
      signal,
    ),
    pollState(
      {
        state,
        clock,
        onError: say("error", "The cluster document could not be read; the last one stays in force"),
      },
      signal,
    ),
    new Collector(state, clock).run(
      drives,
      say("warn", "Old assignment objects could not be collected"),
      signal,
    ),
  ];
}
