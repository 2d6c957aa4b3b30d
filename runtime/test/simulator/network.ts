import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** One end of a connection. */
export interface LinkEnd<In> {
  readonly process: SimProcess;
  readonly onMessage: (message: In) => void;
  readonly onClose: () => void;
}

/** An ordered stream between two processes, as TCP gives it: in order until it breaks, then nothing more. */
export class Link<Up, Down> {
  readonly #world: World;
  readonly #up: LinkEnd<Up>;
  readonly #down: LinkEnd<Down>;
  #upAt = 0;
  #downAt = 0;
  #broken = false;

  /** Messages "up" reach `up`, messages "down" reach `down`. */
  constructor(world: World, up: LinkEnd<Up>, down: LinkEnd<Down>) {
    this.#world = world;
    this.#up = up;
    this.#down = down;
  }

  get broken(): boolean {
    return this.#broken;
  }

  sendUp(message: Up): void {
    this.#upAt = Math.max(this.#upAt, this.#world.now + this.#delay());
    this.#deliver(this.#upAt, this.#up, message);
  }

  sendDown(message: Down): void {
    this.#downAt = Math.max(this.#downAt, this.#world.now + this.#delay());
    this.#deliver(this.#downAt, this.#down, message);
  }

  /** Nothing arrives any more; each side notices on its own, up to `noticeMs` later. */
  break(noticeMs: number): void {
    if (this.#broken) return;
    this.#broken = true;
    for (const end of [this.#up, this.#down]) {
      this.#world.after(this.#world.random.between(0, noticeMs), () => end.process.enter(end.onClose));
    }
  }

  #delay(): number {
    const { random } = this.#world;
    return random.chance(0.05) ? random.between(50, 1_500) : random.between(1, 20);
  }

  #deliver<T>(at: number, end: LinkEnd<T>, message: T): void {
    this.#world.after(at - this.#world.now, () => {
      if (!this.#broken) end.process.enter(() => end.onMessage(message));
    });
  }
}
