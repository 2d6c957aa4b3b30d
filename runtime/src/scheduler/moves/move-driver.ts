import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import type { ReportBook } from "../../core/cluster/membership/reports.ts";
import { judgeLoss, unheard } from "../../core/cluster/moves/judge-loss.ts";
import type { MoveInput, MoveReport, MoveSettings } from "../../core/cluster/moves/move-input.ts";
import { planMoves } from "../../core/cluster/moves/plan-moves.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EvidenceGatherer } from "./evidence-gatherer.ts";

/** A pure change of the document; the same document when nothing is to do. */
export type MoveChange = (document: ClusterDocument) => {
  readonly document: ClusterDocument;
  readonly result: MoveReport;
};

export interface MoveDriverOptions {
  readonly clock: Clock;
  readonly evidence: Pick<EvidenceGatherer, "gather">;
  readonly book: ReportBook;
  readonly settings: MoveSettings;
  /** Executors that are heard here. */
  readonly live: () => readonly string[];
  /** What the newest run did and could not do. */
  readonly onReport?: (report: MoveReport) => void;
}

/**
 * Makes the moves of partitions (spec chapter 04, Moves) as changes of the cluster document: the reconciler commits
 * them, together with its own. All state is in the document, so any scheduler goes on where another stopped.
 */
export class MoveDriver {
  readonly #options: MoveDriverOptions;
  #last: MoveReport | undefined;

  constructor(options: MoveDriverOptions) {
    this.#options = options;
  }

  /** Collect the evidence for losses and give the change that is due. Errors of the store pass through. */
  async prepare(signal: AbortSignal): Promise<MoveChange> {
    const evidence = await this.#options.evidence.gather(signal);
    if (evidence === undefined) return (document) => this.#plan(document);
    const { silentForMs, lostAfterMs } = evidence;
    return (document) =>
      this.#plan(
        document,
        judgeLoss(document, evidence),
        new Set(unheard(document, silentForMs, lostAfterMs)),
      );
  }

  /** The change was committed, or none was due. */
  done(report: MoveReport): void {
    this.#last = report;
    this.#options.onReport?.(report);
  }

  /** Why lost executors were not removed by the newest run of this scheduler; undefined when they were. */
  get condition(): string | undefined {
    return this.#last?.condition;
  }

  /** Draining executors that cannot go on as the document stands, each with why; asked of any scheduler. */
  blocked(document: ClusterDocument): MoveReport["blocked"] {
    const draining = Object.values(document.executors).some(({ state }) => state === "draining");
    return draining ? this.#plan(document).result.blocked : new Map();
  }

  #plan(
    document: ClusterDocument,
    lost: ReadonlySet<string> = new Set(),
    unheard: ReadonlySet<string> = new Set(),
  ): ReturnType<MoveChange> {
    const { clock, book, settings, live } = this.#options;
    const input: MoveInput = {
      liveExecutors: live(),
      lost,
      unheard,
      report: (executor, table, key, instance) => book.of(executor, table, key, instance),
      settings,
      capped: true,
      nowMs: clock.wallMs(),
      sizes: (of, table) => book.sizes(of, table),
    };
    return planMoves(document, input);
  }
}
