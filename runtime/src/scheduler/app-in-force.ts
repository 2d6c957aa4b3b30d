import { generationOf } from "@spice-shards/spicepod";
import type { App } from "../core/app/app.ts";
import { changedPartitioning } from "../core/cluster/assignment/changed-partitioning.ts";
import type { AppReference } from "../core/cluster/document/document.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { fetchApp, offerApp } from "./state/app-objects.ts";
import type { ClusterState } from "./state/cluster-state.ts";

export interface AppInForceOptions {
  readonly state: ClusterState;
  /** The spicepod of this scheduler's own file. */
  readonly own: App;
  /** Parse and check another generation's text; throws with all its problems. */
  compile(text: string, generation: number): App;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Aborts when the scheduler stops. */
  readonly signal: AbortSignal;
  /** Another spicepod came into force here. */
  changed(): void;
}

/**
 * The spicepod that the cluster document names, as this scheduler runs it (spec chapter 04). It offers its own file and
 * follows what is committed; one that it cannot use leaves the old one in force and a notice for people.
 */
export class AppInForce {
  readonly #options: AppInForceOptions;
  #app: App;
  #notice: string | undefined;
  /** What takes effect only after a restart. */
  #restartNotice: string | undefined;
  #following = false;

  constructor(options: AppInForceOptions) {
    this.#options = options;
    this.#app = options.own;
  }

  get current(): App {
    return this.#app;
  }

  /** What people should know of it. */
  get notices(): readonly string[] {
    return [this.#notice, this.#restartNotice].filter((notice) => notice !== undefined);
  }

  /** Show a problem of this scheduler's file, or that it is over. */
  problem(notice: string | undefined): void {
    this.#notice = notice;
  }

  /** Settle on a spicepod at the start: the own file's, or the committed one where the cluster is ahead of it. */
  async settle(signal: AbortSignal): Promise<void> {
    const { state, own, log } = this.#options;
    const inForce = state.document.app;
    const changed = this.#changedPartitioning(own);
    if (changed !== undefined && inForce !== undefined) {
      await this.#follow(inForce, signal);
      this.#refuse("This scheduler's spicepod is not in force; the old one stays", changed);
      return;
    }
    const decision = await offerApp(state, Buffer.from(own.text), generationOf(own.spicepod));
    const committed = state.document.app!;
    if (decision.kind === "follow") {
      log.warn(
        { reason: decision.reason },
        "Following the committed spicepod instead of this scheduler's file",
      );
      await this.#follow(committed, signal);
    } else {
      this.#adopt({ ...own, generation: committed.generation, sha256: committed.sha256 });
    }
  }

  /**
   * Offer another version of this scheduler's own file. It comes into force unless a higher generation is committed or
   * it partitions stored tables in another way; then {@link notices} says so. Errors of the store pass through, and the
   * old one stays.
   */
  async offer(app: App): Promise<void> {
    const changed = this.#changedPartitioning(app);
    if (changed !== undefined) {
      this.#refuse("The changed spicepod is not in force; the old one stays", changed);
      return;
    }
    const decision = await offerApp(this.#options.state, Buffer.from(app.text), generationOf(app.spicepod));
    this.problem(
      decision.kind === "follow" ? `The spicepod file is not in force: ${decision.reason}` : undefined,
    );
  }

  /** Take over the committed spicepod when it is a newer one; one at a time, so that generations never go back. */
  async followCommitted(): Promise<void> {
    const { state, signal } = this.#options;
    const committed = state.document.app;
    if (this.#following || signal.aborted) return;
    if (committed === undefined || committed.generation <= this.#app.generation) return;
    this.#following = true;
    try {
      await this.#follow(committed, signal);
    } catch (error) {
      if (signal.aborted) return;
      const what = `Spicepod generation ${committed.generation} cannot be used here; the old one stays`;
      this.#refuse(what, messageOf(error));
      return;
    } finally {
      this.#following = false;
    }
    // Another one may have been committed meanwhile.
    await this.followCommitted();
  }

  async #follow(committed: AppReference, signal: AbortSignal): Promise<void> {
    const body = await fetchApp(this.#options.state, committed, signal);
    this.#adopt(this.#options.compile(new TextDecoder().decode(body), committed.generation));
  }

  #adopt(app: App): void {
    const { own, metrics, log, changed } = this.#options;
    for (const table of app.tables) metrics.addDataset(table.name);
    for (const table of this.#app.tables) {
      if (!app.tables.some((t) => t.name === table.name)) metrics.removeDataset(table.name);
    }
    this.#app = app;
    this.#notice = undefined;
    this.#restartNotice =
      JSON.stringify(app.spicepod.runtime) === JSON.stringify(own.spicepod.runtime)
        ? undefined
        : "The spicepod's section runtime changed: restart the nodes for it to take effect";
    if (this.#restartNotice !== undefined) log.warn(this.#restartNotice);
    log.info({ generation: app.generation, sha256: app.sha256 }, "Spicepod in force");
    changed();
  }

  #refuse(what: string, cause: string): void {
    this.#notice = `${what}: ${cause}`;
    this.#options.log.error({ cause }, what);
  }

  #changedPartitioning(app: App): string | undefined {
    const tables = app.tables.map((t) => t.reconcile);
    return changedPartitioning(this.#options.state.document, tables);
  }
}
