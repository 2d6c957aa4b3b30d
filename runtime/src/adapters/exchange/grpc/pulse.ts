import type { Clock } from "../../../ports/clock.ts";

const turnMs = 1_000;

/**
 * Turns of the watch, so about seconds, without a sign of life. Between nodes with far more to do than cores an event
 * loop was seen to stand still for seven: so long nothing is lost for good.
 */
export const pulseTurns = {
  /** After so many one is asked for. */
  ask: 2,
  /** After so many, calls that have given nothing yet are given up: what they ask for can be asked again. */
  waiting: 6,
  /** After so many, calls that have given something are given up, which fails their query. */
  reading: 10,
} as const;

export interface PulseOptions {
  readonly clock: Clock;
  /**
   * Ask the peer for a sign of life. Settles once it came, however late, or when the connection has ended, which calls
   * on it learn by themselves. Never rejects.
   */
  readonly ask: () => Promise<void>;
}

/** A call under watch. */
export interface WatchedCall {
  /** Something came on it. */
  heard(): void;
  /** It ended. Must be called. */
  end(): void;
}

interface Watched {
  started: boolean;
  readonly giveUp: () => void;
}

/**
 * Tells a peer that vanished without closing its connection (host gone, process frozen, network cut) from one that is
 * slow, while calls wait for it. Time counts in turns of this watch and not by the clock: a node that stands still
 * itself takes no turn, and blames nobody for its own pause.
 */
export class Pulse {
  readonly #clock: Clock;
  readonly #ask: () => Promise<void>;
  readonly #calls = new Set<Watched>();
  readonly #closed = new AbortController();
  /** Turns since the last sign of life. */
  #quiet = 0;
  #asking = false;
  #running = false;

  constructor({ clock, ask }: PulseOptions) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** True from when calls were given up until the peer answers or the connection ends: nothing should be sent now. */
  get isSilent(): boolean {
    return this.#quiet >= pulseTurns.waiting;
  }

  /** Watch a call that is about to be sent; `giveUp` is called at most once, when the peer seems to be gone. */
  watch(giveUp: () => void): WatchedCall {
    const call: Watched = { started: false, giveUp };
    this.#calls.add(call);
    if (!this.#running) {
      this.#quiet = 0;
      this.#running = true;
      void this.#run();
    }
    return {
      heard: () => {
        call.started = true;
        this.#quiet = 0;
      },
      end: () => this.#calls.delete(call),
    };
  }

  /** Stop watching; no call is given up from now on. */
  close(): void {
    this.#closed.abort();
    this.#calls.clear();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    // While the peer is silent somebody has to notice its return.
    while (this.#calls.size > 0 || this.isSilent) {
      // Only the close ends a sleep early.
      await this.#clock.sleep(turnMs, signal).catch(() => undefined);
      if (signal.aborted) break;
      this.#quiet += 1;
      if (this.#quiet >= pulseTurns.ask && !this.#asking) void this.#askOnce();
      this.#giveUp();
    }
    this.#running = false;
  }

  #giveUp(): void {
    const { waiting, reading } = pulseTurns;
    for (const call of this.#calls) {
      if (this.#quiet < (call.started ? reading : waiting)) continue;
      this.#calls.delete(call);
      call.giveUp();
    }
  }

  async #askOnce(): Promise<void> {
    this.#asking = true;
    await this.#ask();
    this.#asking = false;
    this.#quiet = 0;
  }
}
