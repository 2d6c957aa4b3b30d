import type { PeerNewsResponse } from "@spice-shards/proto";
import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import type { PeerBeat } from "../state/scheduler-observer.ts";
import { DriverWatch } from "./driver-watch.ts";
import type { PeerClients } from "./peer-clients.ts";

export interface PeerTalkOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly clients: Pick<PeerClients, "peerNews">;
  /** Executors that this scheduler can say it does not hear. */
  readonly silent: () => readonly string[];
  /** The last beat of this scheduler that the store has. */
  readonly beatCounter: () => number;
  /** Why this scheduler, when it drives, does not act on the loss of executors. */
  readonly condition: () => string | undefined;
  /** A peer knows of a newer document. */
  readonly newer: () => void;
}

/** What the driver said counts for so long: while it suspects executors, it asks every second. */
const toldForMs = 10_000;

/** The questions that schedulers ask each other by `PeerNews`, and this one's answers (spec chapter 04). */
export class PeerTalk {
  readonly #options: PeerTalkOptions;
  readonly #driver: DriverWatch;
  #told: { readonly condition: string; readonly atMs: number } | undefined;

  constructor(options: PeerTalkOptions) {
    this.#options = options;
    const { state, clock } = options;
    this.#driver = new DriverWatch({ state, clock, ask: (peer) => this.beat(peer) });
  }

  /** The scheduler that drives the assignment, as this one sees it. */
  get driver(): string | undefined {
    return this.#driver.driver;
  }

  /** Keep an eye on who drives until `signal` aborts; `changed` is called when it is another one than before. */
  watchDriver(changed: () => void, signal: AbortSignal): Promise<void> {
    return this.#driver.watch(changed, signal);
  }

  /** Which of the suspected executors a peer hears, or cannot speak of. Rejects when it does not answer. */
  async heard(peer: SchedulerEntry, suspected: readonly string[]): Promise<readonly string[]> {
    return (await this.#ask(peer, suspected)).heardExecutors;
  }

  /** The last beat of a peer that the store has. Rejects when it does not answer. */
  async beat(peer: SchedulerEntry): Promise<PeerBeat> {
    const { instanceId, beatCounter } = await this.#ask(peer, []);
    return { instance_id: instanceId, counter: beatCounter };
  }

  /** Take a peer's news in, and answer. */
  answer(
    peer: string,
    revision: number,
    suspected: readonly string[],
    condition: string,
  ): { readonly revision: number; readonly heard: string[]; readonly beat: PeerBeat } {
    const { state, clock, silent, beatCounter, newer } = this.#options;
    const { document } = state;
    if (revision > document.revision) newer();
    if (suspected.length > 0 && peer === this.driver) {
      this.#told = { condition, atMs: clock.monotonicMs() };
    }
    const unheard = silent();
    return {
      revision: document.revision,
      heard: suspected.filter((executor) => !unheard.includes(executor)),
      beat: { instance_id: state.instanceId, counter: beatCounter() },
    };
  }

  /** Why the loss of executors is not acted on, by this scheduler's word when it drives, else by the driver's. */
  get condition(): string | undefined {
    const { state, clock, condition } = this.#options;
    if (this.driver === state.schedulerId) return condition();
    const told = this.#told;
    if (told === undefined || clock.monotonicMs() - told.atMs > toldForMs) return undefined;
    return told.condition === "" ? undefined : told.condition;
  }

  #ask(
    { advertise_address: address }: SchedulerEntry,
    suspected: readonly string[],
  ): Promise<PeerNewsResponse> {
    const { state, clients, condition } = this.#options;
    return clients.peerNews(address, {
      schedulerId: state.schedulerId,
      revision: state.document.revision,
      suspectedExecutors: [...suspected],
      condition: condition() ?? "",
    });
  }
}
