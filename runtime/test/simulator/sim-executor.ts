import { backoffMs } from "../../src/core/cluster/backoff.ts";
import { BEAT_INTERVAL_MS } from "../../src/core/cluster/membership/beat-interval.ts";
import {
  ExecutorSession,
  type ExecutorSessionOptions,
  type SessionEffect,
} from "../../src/core/cluster/membership/executor-session.ts";
import type { ExecutorMessage, SchedulerMessage } from "../../src/core/cluster/membership/messages.ts";
import { Link } from "./network.ts";
import { type LoadFaults, PartitionLoads } from "./partition-loads.ts";
import type { SimProcess } from "./process.ts";
import type { SimSettings } from "./settings.ts";
import type { SimScheduler } from "./sim-scheduler.ts";
import type { Truth } from "./truth.ts";
import type { World } from "./world.ts";

export interface ExecutorBugs {
  readonly session?: (options: ExecutorSessionOptions) => ExecutorSession;
}

/** A message on its way down, with when the beat behind its promise reached the store. */
interface Stamped {
  readonly message: SchedulerMessage;
  readonly confirmedAt: number;
}

export interface SimExecutorOptions {
  readonly world: World;
  readonly process: SimProcess;
  readonly id: string;
  readonly settings: SimSettings;
  readonly truth: Truth;
  readonly bugs: ExecutorBugs;
  /** The scheduler in a slot, undefined while it cannot be reached. */
  readonly find: (scheduler: number) => SimScheduler | undefined;
  /** The executor that a learner copies from, undefined while it cannot be reached. */
  readonly findOwner: (executor: string) => SimExecutor | undefined;
  readonly loads: LoadFaults;
  readonly note: (what: string) => void;
}

type SimLink = Link<Stamped, ExecutorMessage>;

/** An executor around the real session: connects to every scheduler, beats, "loads" what it is given. */
export class SimExecutor {
  readonly id: string;
  readonly process: SimProcess;
  readonly session: ExecutorSession;
  /** When the beat behind its newest confirmation reached the store. */
  confirmedAt = Number.NEGATIVE_INFINITY;
  readonly #world: World;
  readonly #settings: SimSettings;
  readonly #truth: Truth;
  readonly #links = new Map<number, SimLink>();
  readonly #find: (scheduler: number) => SimScheduler | undefined;
  readonly #note: (what: string) => void;
  #served = false;
  /** What it has loaded, or is loading, of each partition that it holds. */
  readonly partitions: PartitionLoads;

  constructor(options: SimExecutorOptions) {
    const { world, process, id, settings, truth, bugs, find, findOwner, loads, note } = options;
    this.id = id;
    this.process = process;
    this.#world = world;
    this.#settings = settings;
    this.#truth = truth;
    this.#find = find;
    this.#note = note;
    const sessionOptions = { executor: id, instance: world.random.uuid(), lostAfterMs: settings.lostAfterMs };
    this.session = bugs.session?.(sessionOptions) ?? new ExecutorSession(sessionOptions);
    this.partitions = new PartitionLoads({
      world,
      process,
      session: this.session,
      faults: loads,
      copy: (owner, table, key) => findOwner(owner)?.partitions.servedVersion(table, key),
      report: (report) => this.#perform(this.session.report(report)),
    });
  }

  start(schedulers: number): void {
    for (let i = 0; i < schedulers; i += 1) this.#connect(i, 1);
    this.#beat();
  }

  /** The streams to a scheduler break; noticed within `noticeMs`. */
  cut(scheduler: number, noticeMs: number): void {
    this.#links.get(scheduler)?.break(noticeMs);
  }

  kill(): void {
    this.process.crash();
    for (const link of this.#links.values()) link.break(2_000);
  }

  /** The invariant of the lease, at this moment. */
  check(): void {
    if (!this.process.running) return;
    const serves = this.session.mayServe(this.process.clock.monotonicMs());
    if (serves !== this.#served) {
      this.#served = serves;
      if (!serves) this.#note("lease ran out");
    }
    if (!serves) return;
    this.#truth.checkLease(this.id, this.confirmedAt, this.#settings.lostAfterMs);
  }

  get ended(): boolean {
    return this.session.replaced;
  }

  #connect(index: number, attempt: number): void {
    if (this.session.replaced) return;
    const scheduler = this.#find(index);
    if (scheduler === undefined) {
      const pause = backoffMs(attempt, { baseMs: 500, maxMs: 10_000 }, this.#world.random.next());
      this.process.after(pause, () => this.#connect(index, attempt + 1));
      return;
    }
    const name = String(index);
    let closed = false;
    const desk = scheduler.open((message) =>
      link.sendUp({ message, confirmedAt: this.#truth.beatAt(scheduler.instance) }),
    );
    const link: SimLink = new Link<Stamped, ExecutorMessage>(
      this.#world,
      {
        process: this.process,
        onMessage: ({ message, confirmedAt }) => {
          if (message.kind === "beat-answer") this.confirmedAt = Math.max(this.confirmedAt, confirmedAt);
          this.#perform(this.session.receive(name, message));
        },
        onClose: () => {
          if (closed) return;
          closed = true;
          this.session.disconnected(name);
          this.#links.delete(index);
          this.#connect(index, 1);
        },
      },
      {
        process: scheduler.process,
        onMessage: (message) => {
          desk.receive(message).catch(() => link.break(100));
        },
        onClose: () => desk.close(),
      },
    );
    this.#links.set(index, link);
    this.#perform(this.session.connected(name));
  }

  #beat(): void {
    if (this.session.replaced) return;
    this.#perform(this.session.tick(this.process.clock.monotonicMs()));
    this.process.after(BEAT_INTERVAL_MS * 1.02, () => this.#beat());
  }

  #perform(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "send":
          this.#links.get(Number(effect.scheduler))?.sendDown(effect.message);
          break;
        case "hold":
          this.#truth.checkHeld(this.id, this.session.instance, effect.assignment);
          this.partitions.hold(effect.assignment, effect.free);
          break;
        case "app":
        case "stop":
          break;
        default:
          effect satisfies never;
      }
    }
  }
}
