/** Randomness, passed in so that a seeded run repeats exactly. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** The randomness of this process. */
export const systemRandom: Random = { next: () => Math.random() };
