import type { Clock } from "../../src/ports/clock.ts";
import type { World } from "./world.ts";

/**
 * A process of the simulation: it can be paused, crash, and has clocks of its own. After a crash nothing of it runs
 * again: what it waited for never comes.
 */
export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #world: World;
  /** How fast its monotonic clock runs, about 1. */
  readonly #rate: number;
  readonly #offset: number;
  #wallJump = 0;
  #crashed = false;
  #paused = false;
  #held: (() => void)[] = [];
  readonly #sleepers = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.#rate = 0.99 + 0.02 * world.random.next();
    this.#offset = world.random.between(0, 1e6);
    this.clock = {
      wallMs: () => Math.floor(1.7e12 + world.now + this.#wallJump),
      monotonicMs: () => this.#offset + world.now * this.#rate,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  get running(): boolean {
    return !this.#crashed && !this.#paused;
  }

  /** Run `work` in this process: now, after its pause, or never. */
  enter(work: () => void): void {
    if (this.#crashed) return;
    if (this.#paused) this.#held.push(work);
    else work();
  }

  /** Run `work` in this process after `ms` of virtual time. */
  after(ms: number, work: () => void): void {
    this.#world.after(ms, () => this.enter(work));
  }

  crash(): void {
    this.#crashed = true;
    this.#held = [];
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    // Each piece of work is an event of its own, as it would be on a real event loop.
    for (const work of held) this.after(0, work);
  }

  /** Its wall clock is set, forward or back. */
  jumpWallClock(byMs: number): void {
    this.#wallJump += byMs;
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const sleepers = signal === undefined ? undefined : this.#sleepersOf(signal);
      sleepers?.add(reject);
      this.after(ms / this.#rate, () => {
        sleepers?.delete(reject);
        resolve();
      });
    });
  }

  /** Who is to be woken when `signal` aborts: one listener for all of them is much cheaper than one for each. */
  #sleepersOf(signal: AbortSignal): Set<(reason: unknown) => void> {
    const known = this.#sleepers.get(signal);
    if (known !== undefined) return known;
    const sleepers = new Set<(reason: unknown) => void>();
    this.#sleepers.set(signal, sleepers);
    signal.addEventListener(
      "abort",
      () => {
        for (const reject of sleepers) reject(signal.reason);
      },
      { once: true },
    );
    return sleepers;
  }
}
