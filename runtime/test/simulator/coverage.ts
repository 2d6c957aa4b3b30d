/** How many schedules had each kind of happening, so that schedules in which nothing happens are noticed. */
export class Coverage {
  readonly counts: {
    schedules: number;
    commits: number;
    /** By what happened: schedules that had it. */
    readonly had: Map<string, number>;
  };

  /** `counts`: of another instance, to go on from. */
  constructor(counts: Coverage["counts"] = { schedules: 0, commits: 0, had: new Map() }) {
    this.counts = counts;
  }

  add(noted: Iterable<string>, commits: number): void {
    const { had } = this.counts;
    this.counts.schedules += 1;
    this.counts.commits += commits;
    for (const what of noted) had.set(what, (had.get(what) ?? 0) + 1);
  }

  /** The part of all schedules that had it, 0 to 1. */
  share(what: string): number {
    return (this.counts.had.get(what) ?? 0) / this.counts.schedules;
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
    const { schedules, commits, had } = this.counts;
    const most = [...had].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    return `${schedules} schedules, ${(commits / schedules).toFixed(1)} commits each; with: ${most
      .map(([what, count]) => `${what} ${count}`)
      .join(", ")}`;
  }
}
