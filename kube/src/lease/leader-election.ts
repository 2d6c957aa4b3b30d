import { isAlreadyExists, isConflict } from "../client/status-error.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import { DeadlineError, withDeadline } from "../time/with-deadline.ts";
import type { Lease, LeaseStore } from "./lease.ts";
import { LeaseObserver } from "./lease-observer.ts";
import { microTime } from "./micro-time.ts";

export interface LeaderElectionOptions {
  readonly store: LeaseStore;
  /** Different for every process: host name and a UUID. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Others wait this long after the last renewal that they saw. Whole seconds. Default 15 s. */
  readonly leaseMs?: number;
  /** A leader that could not renew for this long stops. Less than `leaseMs`. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between attempts. Default 2 s. */
  readonly retryMs?: number;
  /** Told of failed attempts, which are tried again. */
  readonly onError?: (error: unknown) => void;
  readonly onLeader?: (identity: string) => void;
}

/** What a leader works under. */
export interface Leadership {
  /** Aborts as soon as leadership is lost or the process is to stop. */
  readonly signal: AbortSignal;
  /** Whether nobody else can lead yet: asked before a write, as a process that was paused finds out late. */
  isValid(): boolean;
}

/** How a term ended: `lost` to a time-out or to another, or `released` for another to take at once. */
export type TermEnd = "lost" | "released";

/** Leadership was lost; the reason of the signal that a leader works under. */
export class LeadershipLostError extends Error {
  override readonly name = "LeadershipLostError";
}

/**
 * One leader at a time among processes that share a Lease.
 *
 * ```
 *   waiting ── free or expired, write won ──▶ leading ── signal, work returned ──▶ release ──▶ "released"
 *      ▲ │ every 2 s                            │ no renewal for 10 s, or another holds it
 *      └─┘                                      └──▶ abort at once ──▶ work returned ──▶ "lost"
 * ```
 *
 * A leader counts its validity from *before* it sent the renewal that succeeded, the others theirs from *after*
 * they saw it; with `renewDeadlineMs < leaseMs` and clocks of about the same rate, no two terms overlap.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #leaseMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryMs: number;
  readonly #observer = new LeaseObserver();
  /** The lease as we wrote or saw it last. */
  #lease: Lease | undefined;
  #validUntil = Number.NEGATIVE_INFINITY;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryMs = options.retryMs ?? 2000;
    if (this.#leaseMs % 1000 !== 0) throw new RangeError("leaseMs must be whole seconds");
    if (!(this.#retryMs * 1.2 < this.#renewDeadlineMs && this.#renewDeadlineMs < this.#leaseMs)) {
      throw new RangeError("leader election needs 1.2 retryMs < renewDeadlineMs < leaseMs");
    }
  }

  /**
   * Waits for leadership, then runs `lead` once. When `signal` aborts, `lead` is told, the lease is renewed
   * until `lead` has returned, and then released.
   *
   * @throws what `lead` throws (after the release), or the signal's reason while waiting.
   */
  async run(signal: AbortSignal, lead: (leadership: Leadership) => Promise<void>): Promise<TermEnd> {
    await this.#acquire(signal);
    this.#options.onLeader?.(this.#options.identity);
    const term = new AbortController();
    const onAbort = () => term.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const worked = new AbortController();
    let lost = false;
    const renewing = this.#renewUntil(worked.signal).catch((error: unknown) => {
      if (worked.signal.aborted) return;
      lost = true;
      this.#validUntil = Number.NEGATIVE_INFINITY;
      term.abort(new LeadershipLostError("leadership was lost", { cause: error }));
    });
    try {
      await lead({ signal: term.signal, isValid: () => this.#isValid() });
    } finally {
      signal.removeEventListener("abort", onAbort);
      worked.abort(new Error("the term has ended"));
      await renewing;
      this.#validUntil = Number.NEGATIVE_INFINITY;
      if (!lost) await this.#release();
    }
    return lost ? "lost" : "released";
  }

  #isValid(): boolean {
    return this.#options.clock.monotonicMs() < this.#validUntil;
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (await this.#attempt(signal, (inner) => this.#tryAcquire(inner))) return;
      await this.#pause(signal);
    }
  }

  /** One attempt; a failure is reported and counts as no. */
  async #attempt(signal: AbortSignal, work: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
    try {
      return await withDeadline(this.#options.clock, this.#renewDeadlineMs, signal, work);
    } catch (error) {
      signal.throwIfAborted();
      // Another was faster: the next look shows who.
      if (!isConflict(error) && !isAlreadyExists(error)) this.#options.onError?.(error);
      return false;
    }
  }

  async #tryAcquire(signal: AbortSignal): Promise<boolean> {
    const { clock, store, identity } = this.#options;
    const present = await store.read(signal);
    if (present !== undefined) {
      this.#observer.observe(present, clock.monotonicMs());
      // A holder with our name is a write of ours whose answer was lost.
      const ours = present.spec?.holderIdentity === identity;
      if (!ours && !this.#observer.isFree(present, this.#leaseMs, clock.monotonicMs())) return false;
    }
    await this.#write(present, { acquire: true }, signal);
    return true;
  }

  /** Renews until `signal` aborts. Throws as soon as the lease must count as lost. */
  async #renewUntil(signal: AbortSignal): Promise<void> {
    const { clock, identity } = this.#options;
    for (;;) {
      // Sleeps and requests end with the validity at the latest, whatever they wait for.
      const left = this.#validUntil - clock.monotonicMs();
      if (left <= 0) throw new DeadlineError(`the lease was not renewed for ${this.#renewDeadlineMs} ms`);
      await withDeadline(clock, left, signal, async (inner) => {
        await this.#pause(inner);
        await this.#attempt(inner, async (request) => {
          if (!(await this.#stillOurs(request))) return false;
          await this.#write(this.#lease, { acquire: false }, request);
          return true;
        });
      });
      const holder = this.#lease?.spec?.holderIdentity;
      if (holder !== identity) throw new LeadershipLostError(`${holder || "nobody"} holds the lease`);
    }
  }

  /** Reads the lease again, so that a lost answer or another's edit does not cost the leadership. */
  async #stillOurs(signal: AbortSignal): Promise<boolean> {
    const present = await this.#options.store.read(signal);
    this.#lease = present;
    return present?.spec?.holderIdentity === this.#options.identity;
  }

  async #write(present: Lease | undefined, how: { acquire: boolean }, signal: AbortSignal): Promise<void> {
    const { clock, identity, store } = this.#options;
    const sentAt = clock.monotonicMs();
    const now = microTime(clock.wallMs());
    const before = present?.spec ?? {};
    const changed = before.holderIdentity !== identity;
    const lease: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: present?.metadata ?? {},
      spec: {
        ...before,
        holderIdentity: identity,
        leaseDurationSeconds: this.#leaseMs / 1000,
        acquireTime: how.acquire ? now : (before.acquireTime ?? now),
        renewTime: now,
        leaseTransitions: (before.leaseTransitions ?? 0) + (changed ? 1 : 0),
      },
    };
    this.#lease = await (present === undefined ? store.create(lease, signal) : store.replace(lease, signal));
    this.#validUntil = sentAt + this.#renewDeadlineMs;
  }

  /** Frees the lease for the next. A failure only costs the others the wait. */
  async #release(): Promise<void> {
    const { clock, store, identity, onError } = this.#options;
    try {
      await withDeadline(clock, this.#renewDeadlineMs, undefined, async (signal) => {
        const present = await store.read(signal);
        if (present?.spec?.holderIdentity !== identity) return;
        const renewTime = microTime(clock.wallMs());
        const spec = { ...present.spec, holderIdentity: "", renewTime, leaseDurationSeconds: 1 };
        await store.replace({ ...present, spec }, signal);
      });
    } catch (error) {
      onError?.(error);
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    return clock.sleep(this.#retryMs * (1 + 0.2 * random.next()), signal);
  }
}
