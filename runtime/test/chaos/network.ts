/** What happens to the bytes from one node to another. */
export type LinkMode =
  | "pass"
  /** Connections are reset, new ones too. */
  | "refuse"
  /** Nothing arrives and nothing is closed: a partition. */
  | "silent";

/** Which links are broken now. Directions are those of connections: who dialled whom. */
export class Network {
  readonly #broken = new Map<string, LinkMode>();
  readonly #listeners = new Set<() => void>();

  /** Set the link of `from` to `to`, and with it every connection that is open on it. */
  set(from: string, to: string, mode: LinkMode): void {
    if (mode === "pass") this.#broken.delete(`${from}>${to}`);
    else this.#broken.set(`${from}>${to}`, mode);
    for (const changed of this.#listeners) changed();
  }

  /** Set both directions of every link between a node of `some` and one of `others`. */
  between(some: readonly string[], others: readonly string[], mode: LinkMode): void {
    for (const a of some) {
      for (const b of others) {
        if (a === b) continue;
        this.set(a, b, mode);
        this.set(b, a, mode);
      }
    }
  }

  heal(): void {
    this.#broken.clear();
    for (const changed of this.#listeners) changed();
  }

  mode(from: string | undefined, to: string): LinkMode {
    return this.#broken.get(`${from}>${to}`) ?? "pass";
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
