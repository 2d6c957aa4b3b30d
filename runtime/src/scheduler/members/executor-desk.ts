import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import type { ExecutorBeat } from "../../core/cluster/membership/heartbeat-file.ts";
import { decideHello, registerExecutor } from "../../core/cluster/membership/membership.ts";
import {
  CONTROL_PROTOCOL,
  type ExecutorMessage,
  type PartitionReport,
  type SchedulerMessage,
} from "../../core/cluster/membership/messages.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import { BeatWatch, WATCH_TICK_MS } from "./beat-watch.ts";
import { Notifier } from "./notifier.ts";

export interface ExecutorDeskOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  /** `executor_lost_after`. */
  readonly lostAfterMs: number;
  /** Age of this scheduler's last confirmation against the store (`Heartbeat.confirmationAgeMs`). */
  readonly confirmationAgeMs: () => number;
  /** An executor instance joined this scheduler. */
  readonly onJoin?: (executor: string, instance: string) => void;
  readonly onReport?: (executor: string, instance: string, report: PartitionReport) => void;
  /** An executor failed a command; the command is sent again. */
  readonly onCommandError?: (executor: string, command: string, error: string) => void;
}

/** The scheduler's end of one control stream. */
export interface DeskConnection {
  /**
   * Handle one message; call in the order of arrival. Rejects when it could not be handled (the store is away, a
   * protocol that is not spoken): end the stream, the executor comes again.
   */
  receive(message: ExecutorMessage): Promise<void>;
  /** The stream ended. */
  close(): void;
}

type HeldTable = Extract<ExecutorMessage, { kind: "hello" }>["held"][number];

/** Which of an executor's streams this is, and whether it is still there. */
interface Stream {
  /** Streams are numbered as they open. */
  readonly number: number;
  closed: boolean;
}

interface Member {
  readonly instance: string;
  readonly stream: Stream;
  readonly notifier: Notifier;
  /** False from when the document loses the executor until it has joined again. */
  welcomed: boolean;
  counter: number;
  lastHeardMs: number;
  readonly send: (message: SchedulerMessage) => void;
}

/** The hello was of a protocol that this build does not speak, or was not the first message. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/**
 * The executors that are connected to this scheduler, whatever carries their messages. Registers them in the cluster
 * document, answers their beats, and tells each what the document gives it until it acknowledges. An update that
 * is due always precedes the answer to a beat, so an executor never renews its lease on an assignment that this
 * scheduler knows to be old.
 */
export class ExecutorDesk {
  /** What this scheduler can say of executors' silence. */
  readonly watch: BeatWatch;
  readonly #options: ExecutorDeskOptions;
  readonly #members = new Map<string, Member>();
  readonly #unsubscribe: () => void;
  readonly #instancesSeen = new Map<string, string>();
  /** When a beat or hello of an instance was last let through, or since when the document has it. */
  readonly #admitted = new Map<string, { readonly instance: string; readonly atMs: number }>();
  #lastJoinMs: number;
  #streams = 0;

  constructor(options: ExecutorDeskOptions) {
    this.#options = options;
    this.watch = new BeatWatch(options.clock, WATCH_TICK_MS);
    this.#lastJoinMs = options.clock.monotonicMs();
    this.#unsubscribe = options.state.subscribe(() => this.#onSnapshot());
  }

  /** A control stream was opened; `send` must keep the order and may throw nothing. */
  open(send: (message: SchedulerMessage) => void): DeskConnection {
    this.#streams += 1;
    const stream: Stream = { number: this.#streams, closed: false };
    let member: Member | undefined;
    let executor = "";
    // Messages of one stream are handled one after another, also while the store is asked.
    let tail: Promise<void> | undefined;
    const handle = async (message: ExecutorMessage): Promise<void> => {
      if (message.kind === "hello") {
        executor = message.executor;
        member = await this.#hello(message, stream, send);
      } else if (member === undefined) {
        throw new ProtocolError(`A control stream starts with a hello, not with ${message.kind}`);
      } else if (this.#members.get(executor) === member) {
        await this.#message(executor, member, message);
      }
    };
    return {
      receive: (message) => {
        const next = tail === undefined ? handle(message) : tail.then(() => handle(message));
        tail = next;
        return next.finally(() => {
          if (tail === next) tail = undefined;
        });
      },
      close: () => {
        stream.closed = true;
        if (member !== undefined && this.#members.get(executor) === member) this.#members.delete(executor);
      },
    };
  }

  /** Executors heard within `executor_lost_after`, and for how long no new instance came. */
  live(): { readonly ids: readonly string[]; readonly quietForMs: number } {
    const now = this.#options.clock.monotonicMs();
    const ids = [...this.#members]
      .filter(([, member]) => now - member.lastHeardMs < this.#options.lostAfterMs)
      .map(([id]) => id)
      .sort();
    return { ids, quietForMs: now - this.#lastJoinMs };
  }

  /** The instance that is connected here under an executor id. */
  instanceOf(executor: string): string | undefined {
    return this.#members.get(executor)?.instance;
  }

  /** Milliseconds since an executor was last heard here; undefined when it is not connected. */
  silentForMs(executor: string): number | undefined {
    const member = this.#members.get(executor);
    return member === undefined ? undefined : this.#options.clock.monotonicMs() - member.lastHeardMs;
  }

  /** The beat counters for this scheduler's heartbeat file. */
  beats(): Record<string, ExecutorBeat> {
    return Object.fromEntries(
      [...this.#members].map(([id, { instance, counter }]) => [id, { instance_id: instance, counter }]),
    );
  }

  /** Stop listening to the document. */
  close(): void {
    this.#unsubscribe();
    this.#members.clear();
  }

  async #hello(
    hello: Extract<ExecutorMessage, { kind: "hello" }>,
    stream: Stream,
    send: (message: SchedulerMessage) => void,
  ): Promise<Member | undefined> {
    const { clock, onJoin } = this.#options;
    const { executor, instance } = hello;
    if (hello.protocol.min > CONTROL_PROTOCOL.max || hello.protocol.max < CONTROL_PROTOCOL.min) {
      throw new ProtocolError(
        `Executor ${executor} speaks cluster protocol ${hello.protocol.min} to ${hello.protocol.max}, this scheduler ${CONTROL_PROTOCOL.min} to ${CONTROL_PROTOCOL.max}`,
      );
    }
    const { cluster_id: cluster } = this.#options.state.document;
    if (hello.cluster !== undefined && hello.cluster !== cluster) {
      throw new ProtocolError(
        `Executor ${executor} belongs to cluster ${hello.cluster}, this scheduler to cluster ${cluster}: restart the executor to let it join this one`,
      );
    }
    this.watch.greeted(executor, instance);
    if (!(await this.#admit(executor, instance, "now", hello.registered, hello.held))) {
      send(replaced(executor));
      return undefined;
    }
    const before = this.#members.get(executor);
    // While the store was asked this stream may have ended, or the executor may have come again on another one.
    if (stream.closed || (before?.instance === instance && before.stream.number > stream.number)) {
      return undefined;
    }
    const notifier = new Notifier(executor, send, hello.held, hello.generation);
    const now = clock.monotonicMs();
    const member: Member = {
      instance,
      stream,
      notifier,
      send,
      welcomed: true,
      counter: 0,
      lastHeardMs: now,
    };
    if (before !== undefined && before.instance !== instance) before.send(replaced(executor));
    this.#members.set(executor, member);
    this.#welcome(executor, member);
    if (this.#instancesSeen.get(executor) !== instance) {
      this.#instancesSeen.set(executor, instance);
      this.#lastJoinMs = now;
      onJoin?.(executor, instance);
    }
    return member;
  }

  #welcome(executor: string, member: Member): void {
    const { state, clock } = this.#options;
    member.welcomed = true;
    const { revision, cluster_id: cluster } = state.document;
    member.send({ kind: "welcome", revision, cluster });
    if (this.#members.get(executor) === member) member.notifier.notify(state.document, clock.monotonicMs());
  }

  /**
   * May this instance be promised anything? After half of `executor_lost_after` in silence the document is read
   * first, for others may have acted on it. After the whole of it a loss may be under way that stands on this
   * scheduler's own word: then the document is written, so that either the loss is seen here or its write fails. An
   * executor that is no longer in the document joins again.
   */
  async #admit(
    executor: string,
    instance: string,
    read: "now" | "when-away",
    registered: boolean,
    held: readonly HeldTable[] = [],
  ): Promise<boolean> {
    const { state, clock, lostAfterMs } = this.#options;
    const arrivedMs = clock.monotonicMs();
    const last = this.#admitted.get(executor);
    const awayMs = last?.instance === instance ? arrivedMs - last.atMs : 0;
    if (read === "now" || awayMs > lostAfterMs / 2) await state.refresh();
    refuseNewer(state.document, executor, held);
    const decide = (document: ClusterDocument) => decideHello(document, executor, instance, registered);
    if (awayMs >= lostAfterMs || decide(state.document) === "register") {
      await state.change((document) => {
        const decision = decide(document);
        if (decision === "register") {
          return { document: registerExecutor(document, executor, instance), result: undefined };
        }
        return { document: decision === "known" ? { ...document } : document, result: undefined };
      });
    }
    if (decide(state.document) !== "known") return false;
    this.#admitted.set(executor, { instance, atMs: arrivedMs });
    return true;
  }

  async #message(executor: string, member: Member, message: ExecutorMessage): Promise<void> {
    const { state, clock, onJoin, onReport, onCommandError } = this.#options;
    switch (message.kind) {
      case "beat": {
        this.watch.heard(executor, member.instance, message.counter);
        const known = await this.#admit(executor, member.instance, "when-away", true);
        if (this.#members.get(executor) !== member) return;
        if (!known) {
          this.#members.delete(executor);
          member.send(replaced(executor));
          return;
        }
        member.lastHeardMs = clock.monotonicMs();
        member.counter = message.counter;
        if (member.welcomed) {
          member.notifier.notify(state.document, member.lastHeardMs);
        } else {
          this.#welcome(executor, member);
          onJoin?.(executor, member.instance);
        }
        const ageMs = this.#options.confirmationAgeMs();
        // A scheduler that never reached the store has nothing to confirm.
        if (!Number.isFinite(ageMs)) return;
        const { revision } = state.document;
        member.send({ kind: "beat-answer", counter: message.counter, revision, ageMs });
        return;
      }
      case "ack":
        if (message.error !== undefined) onCommandError?.(executor, message.command, message.error);
        else member.notifier.acknowledged(message.command);
        return;
      case "report":
        onReport?.(executor, member.instance, message.report);
        return;
      case "hello":
        throw new ProtocolError("A control stream carries one hello");
      default:
        message satisfies never;
    }
  }

  #onSnapshot(): void {
    const { state, clock } = this.#options;
    const { document } = state;
    const now = clock.monotonicMs();
    for (const [id, { instance_id: instance }] of Object.entries(document.executors)) {
      if (this.#admitted.get(id)?.instance !== instance) this.#admitted.set(id, { instance, atMs: now });
    }
    for (const id of this.#admitted.keys()) {
      if (document.executors[id] === undefined) this.#admitted.delete(id);
    }
    for (const [id, member] of this.#members) {
      const entry = document.executors[id];
      if (entry === undefined) {
        // It was lost, and joins again with its next beat.
        member.welcomed = false;
      } else if (entry.instance_id !== member.instance) {
        this.#members.delete(id);
        member.send(replaced(id));
      } else if (member.welcomed) {
        member.notifier.notify(document, now);
      }
    }
  }
}

/**
 * What an executor holds was given to it by a committed document. One that is newer than the document that was just
 * read is left from before an older version was restored: by revisions it would keep what is no longer its own.
 */
function refuseNewer(document: ClusterDocument, executor: string, held: readonly HeldTable[]): void {
  const newest = Math.max(0, ...held.map(({ revision }) => revision));
  if (newest <= document.revision) return;
  throw new ProtocolError(
    `Executor ${executor} holds assignments of revision ${newest}, the cluster document is at ${document.revision}: an older version of it was restored. Restart the executor to let it join`,
  );
}

function replaced(executor: string): SchedulerMessage {
  return { kind: "replaced", reason: `executor ${executor} was replaced by another instance` };
}
