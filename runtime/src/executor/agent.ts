import type { ChannelCredentials } from "@grpc/grpc-js";
import type { ControlStreamResponse, SchedulerInstance, TableReport } from "@spice-shards/proto";
import { faultPoint } from "../adapters/system/fault-point.ts";
import type { Fingerprints } from "../adapters/tls/fingerprints.ts";
import type { AppReference } from "../core/cluster/document/document.ts";
import { ExecutorSession, type SessionEffect } from "../core/cluster/membership/executor-session.ts";
import type { HeldPartition, PartitionReport, TableAssignment } from "../core/cluster/membership/messages.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { SchedulerLink } from "./scheduler-link.ts";
import { fromWire, toWire } from "./wire.ts";

/** What the agent drives on this executor. */
export interface AgentHost {
  /** Bring a table to an assignment; progress comes back through {@link ExecutorAgent.report}. */
  hold(assignment: TableAssignment, load: readonly HeldPartition[], free: readonly string[]): void;
  /** Carry out a refresh command; rejects with the reason why it cannot be. */
  refresh(table: string, requestId: string, overrides: string): Promise<void>;
  /** A newer spicepod is in force. */
  appChanged(app: AppReference): void;
  /** Another instance took this executor's id: serve no more, and end. */
  replaced(reason: string): void;
  /** So many schedulers answer on a control stream from now on. */
  connections(count: number): void;
}

export interface AgentOptions {
  readonly executorId: string;
  readonly instanceId: string;
  readonly advertiseAddress: string;
  readonly buildVersion: string;
  readonly lostAfterMs: number;
  readonly credentials: () => ChannelCredentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly host: AgentHost;
  /** The certificates of this node that are in force; undefined without mTLS. */
  certificates(): Fingerprints | undefined;
  /** Asks any reachable scheduler for the live ones. */
  schedulers(signal: AbortSignal): Promise<readonly SchedulerInstance[]>;
  /** Asks the scheduler at an address for this executor's share; undefined while the first cycle has not finished. */
  allocate(address: string, signal: AbortSignal): Promise<readonly TableAssignment[] | undefined>;
  readonly log: {
    info(detail: Record<string, unknown>, message: string): void;
    warn(detail: Record<string, unknown>, message: string): void;
  };
}

const listRefreshMs = 10_000;
const tickMs = 500;

/**
 * An executor's membership in the cluster: links to every scheduler, beats, the read lease, and the assignments that
 * arrive (spec chapter 04, Executors). The rules are in the session, which does no I/O; this is the I/O around it.
 */
export class ExecutorAgent {
  readonly session: ExecutorSession;
  readonly #options: AgentOptions;
  readonly #links = new Map<string, SchedulerLink>();
  readonly #tables = new Map<string, TableReport>();
  /** Schedulers that are being asked for the first share. */
  readonly #asking = new Set<string>();
  readonly #startedAtMs: number;
  #allocated = false;
  #listed: readonly SchedulerInstance[] = [];

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.wallMs();
    this.session = new ExecutorSession({
      executor: options.executorId,
      instance: options.instanceId,
      lostAfterMs: options.lostAfterMs,
    });
  }

  /** Take part until the signal is aborted; resolves when every link is closed. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      // Two loops: a scheduler that takes its time to answer must not hold up the beats to the others.
      await Promise.all([this.#beats(signal), this.#lists(signal)]);
    } finally {
      await Promise.all([...this.#links.values()].map((link) => link.close()));
    }
  }

  async #beats(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#apply(this.session.tick(clock.monotonicMs()));
      // Only the abort can end the sleep early, and the loop's condition sees it.
      await clock.sleep(tickMs, signal).catch(() => undefined);
    }
  }

  async #lists(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#refreshLinks(signal);
      const pauseMs = this.#links.size === 0 ? tickMs : listRefreshMs;
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** May this executor answer reads now? Without a lease it refuses, for its partitions may have a new owner. */
  mayServe(): boolean {
    return this.session.mayServe(this.#options.clock.monotonicMs());
  }

  /** Names this process; another one of the same executor has another. */
  get instanceId(): string {
    return this.#options.instanceId;
  }

  /** `host:port` of the schedulers' internal servers, as last listed. */
  get schedulerAddresses(): readonly string[] {
    return this.#listed.map(addressOf);
  }

  /** The schedulers, as last listed. */
  get schedulers(): readonly SchedulerInstance[] {
    return this.#listed;
  }

  /** True once a scheduler told what this executor holds. */
  get allocated(): boolean {
    return this.#allocated;
  }

  /** A partition changed its state here. */
  report(report: PartitionReport): void {
    this.#apply(this.session.report(report));
  }

  /** A table's columns, refresh state or error changed here. */
  reportTable(report: TableReport): void {
    this.#tables.set(report.table, report);
    for (const link of this.#links.values()) link.send({ $case: "table", value: report });
  }

  /** Other certificates came into force on this node. */
  reportCertificates(): void {
    for (const link of this.#links.values()) this.#sendCertificates(link);
  }

  #sendCertificates(link: SchedulerLink | undefined): void {
    const certificates = this.#options.certificates();
    if (certificates === undefined) return;
    link?.send({ $case: "node", value: { id: this.#options.executorId, ...certificates } });
  }

  /** A table is no longer accelerated here: schedulers that come later are not told of it. */
  forgetTable(fullName: string): void {
    this.#tables.delete(fullName);
  }

  async #refreshLinks(signal: AbortSignal): Promise<void> {
    let listed: readonly SchedulerInstance[];
    try {
      listed = await this.#options.schedulers(signal);
    } catch (error) {
      if (!signal.aborted)
        this.#options.log.warn({ cause: messageOf(error) }, "No scheduler could be asked for its peers");
      return;
    }
    // Whoever asked while the process was told to stop must not open links that nobody closes.
    if (signal.aborted) return;
    this.#listed = listed;
    const wanted = new Map(listed.map((s) => [s.schedulerId, addressOf(s)]));
    for (const [id, link] of this.#links) {
      // A scheduler that is gone, or came back at another address under its old id.
      if (wanted.get(id) === link.address) continue;
      this.#links.delete(id);
      this.#disconnected(id);
      void link.close();
    }
    for (const [id, address] of wanted) {
      if (this.#links.has(id)) continue;
      const { executorId, credentials, clock, random } = this.#options;
      // A link that was given up still ends its stream; by then another may stand under the same id.
      const current = (): boolean => this.#links.get(id) === link;
      const link: SchedulerLink = new SchedulerLink({
        schedulerId: id,
        address,
        executorId,
        credentials,
        clock,
        jitter: () => random.next(),
        listener: {
          opened: (scheduler) => {
            // The link's constructor may open its stream before it is in the map.
            queueMicrotask(() => {
              if (current()) this.#apply(this.session.connected(scheduler));
            });
          },
          closed: (scheduler, reason) => {
            if (!current()) return;
            this.#disconnected(scheduler);
            if (!signal.aborted) this.#options.log.warn({ scheduler, reason }, "Control stream ended");
          },
          received: (scheduler, response) => {
            if (current()) this.#received(scheduler, response, signal);
          },
        },
      });
      this.#links.set(id, link);
    }
  }

  #disconnected(scheduler: string): void {
    this.session.disconnected(scheduler);
    this.#options.host.connections(this.session.joinedCount);
  }

  #received(scheduler: string, response: ControlStreamResponse, signal: AbortSignal): void {
    if (response.message?.$case === "refreshDataset") {
      const { table, requestId, overrides } = response.message.value;
      const answer = (error: string) =>
        this.#links.get(scheduler)?.send({ $case: "ack", value: { commandId: response.commandId, error } });
      this.#options.host.refresh(table, requestId, overrides).then(
        () => answer(""),
        (error: unknown) => answer(messageOf(error)),
      );
      return;
    }
    const message = fromWire(response);
    if (message === undefined) return;
    this.#apply(this.session.receive(scheduler, message));
    if (message.kind === "welcome") {
      this.#options.log.info({ scheduler }, "Joined a scheduler");
      this.#options.host.connections(this.session.joinedCount);
      for (const report of this.#tables.values()) {
        this.#links.get(scheduler)?.send({ $case: "table", value: report });
      }
      this.#sendCertificates(this.#links.get(scheduler));
      // A lease at once, not at the next beat.
      this.#apply(this.session.tick(this.#options.clock.monotonicMs()));
      if (!this.#allocated && !this.#asking.has(scheduler)) {
        this.#asking.add(scheduler);
        void this.#allocate(scheduler, signal).finally(() => this.#asking.delete(scheduler));
      }
    }
  }

  /** Ask for the first share until there is one; a push by the scheduler does as well. */
  async #allocate(scheduler: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#allocated && this.#links.has(scheduler)) {
      try {
        const address = this.#links.get(scheduler)?.address ?? scheduler;
        const share = await this.#options.allocate(address, signal);
        if (share !== undefined) {
          this.#allocated = true;
          this.#apply(this.session.allocate(share));
          return;
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.warn({ scheduler, cause: messageOf(error) }, "No first assignment yet");
      }
      await this.#options.clock.sleep(500, signal).catch(() => undefined);
    }
  }

  #apply(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "send": {
          const { advertiseAddress, buildVersion } = this.#options;
          if (effect.message.kind === "ack") faultPoint("before-acknowledgement");
          const identity = { advertiseAddress, buildVersion, startedAtMs: this.#startedAtMs };
          this.#links.get(effect.scheduler)?.send(toWire(effect.message, identity));
          break;
        }
        case "hold":
          this.#allocated = true;
          this.#options.host.hold(effect.assignment, effect.load, effect.free);
          break;
        case "app":
          this.#options.host.appChanged(effect.app);
          break;
        case "stop":
          this.#options.host.replaced(effect.reason);
          break;
        default:
          effect satisfies never;
      }
    }
  }
}

/** Ids are names; peers say where they are reached. */
function addressOf({ schedulerId, advertiseAddress }: SchedulerInstance): string {
  return advertiseAddress === "" ? schedulerId : advertiseAddress;
}
