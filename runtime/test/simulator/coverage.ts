/** How many schedules had each kind of happening, so that schedules in which nothing happens are noticed. */
export class Coverage {
  schedules = 0;
  commits = 0;
  readonly #had = new Map<string, number>();

  add(noted: Iterable<string>, commits: number): void {
    this.schedules += 1;
    this.commits += commits;
    for (const what of noted) this.#had.set(what, (this.#had.get(what) ?? 0) + 1);
  }

  /** The part of all schedules that had it, 0 to 1. */
  share(what: string): number {
    return (this.#had.get(what) ?? 0) / this.schedules;
  }

  /** Which of `least` were in a smaller part of the schedules, each with the part that they were in. */
  lacking(least: Readonly<Record<string, number>>): Record<string, number> {
    return Object.fromEntries(
      Object.keys(least)
        .filter((what) => this.share(what) < least[what]!)
        .map((what) => [what, this.share(what)]),
    );
  }

  toString(): string {
    const counts = [...this.#had].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    return `${this.schedules} schedules, ${(this.commits / this.schedules).toFixed(1)} commits each; with: ${counts
      .map(([what, count]) => `${what} ${count}`)
      .join(", ")}`;
  }
}
