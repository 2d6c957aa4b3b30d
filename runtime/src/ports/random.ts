/** Randomness, passed in so that a seeded run repeats exactly. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A version 4 UUID. */
  uuid(): string;
}
