import type { ConnectionMaterial, Credentials } from "../client/transport.ts";
import type { Clock } from "../time/clock.ts";

/** Tokens and certificates are read again after this time: far sooner than they expire. */
const freshMs = 10_000;

/** Credentials that are read again as they rotate; a read that fails leaves what was valid before. */
export class RotatingCredentials implements Credentials {
  readonly #read: () => Promise<ConnectionMaterial>;
  readonly #clock: Clock;
  #cached: { readonly at: number; readonly material: Promise<ConnectionMaterial> } | undefined;

  constructor(read: () => Promise<ConnectionMaterial>, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  current(): Promise<ConnectionMaterial> {
    const now = this.#clock.monotonicMs();
    if (this.#cached !== undefined && now - this.#cached.at < freshMs) return this.#cached.material;
    const previous = this.#cached?.material;
    const material = this.#read().catch((error) => {
      // A file may be away for a moment while it is replaced; what was valid goes on until the server refuses.
      if (previous !== undefined) return previous;
      this.#cached = undefined;
      throw error;
    });
    this.#cached = { at: now, material };
    return material;
  }

  invalidate(): void {
    this.#cached = undefined;
  }
}
