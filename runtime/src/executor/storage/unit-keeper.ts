import type { AcceleratedDataset, Accelerator, PartitionValues } from "../../ports/accelerator.ts";
import type { PartitionSlot } from "./partition-slot.ts";

type Slots = () => Iterable<PartitionSlot>;

/** What an engine is told after commits: which partitions there are, and which files may take their final form. */
export class UnitKeeper {
  readonly #accelerator: Pick<Accelerator, "recordUnits" | "settle">;
  readonly #dataset: () => AcceleratedDataset;
  readonly #warn: (message: string, cause: unknown) => void;
  #settling: Promise<void> = Promise.resolve();
  /** What waits for its turn to settle. */
  #waiting: { readonly units: PartitionValues[]; record: Slots | undefined } | undefined;

  constructor(options: {
    accelerator: Pick<Accelerator, "recordUnits" | "settle">;
    dataset: () => AcceleratedDataset;
    /** Told of trouble that costs nothing but work at the next start. */
    warn: (message: string, cause: unknown) => void;
  }) {
    this.#accelerator = options.accelerator;
    this.#dataset = options.dataset;
    this.#warn = options.warn;
  }

  /** Resolves when the storage of everything committed so far is in its final form. */
  get settled(): Promise<void> {
    return this.#settling;
  }

  /** Write down the loaded ones of all `slots`. */
  async record(slots: Iterable<PartitionSlot>): Promise<void> {
    const units = [...slots]
      .filter((slot) => slot.loaded)
      .map((slot) => ({ values: slot.values, version: slot.current }));
    try {
      await this.#accelerator.recordUnits?.(this.#dataset(), units);
    } catch (error) {
      // The list saves work at the next start; the partitions themselves are committed.
      this.#warn(`The list of partitions of ${this.#dataset().name} could not be written`, error);
    }
  }

  /**
   * Checkpoints wait until the new versions serve; the next refresh waits for them: `serial` puts them in line. Units
   * that come while some wait settle with them. With `record` these slots are written down then, so that many small
   * commits in a row cost few of both.
   */
  settle(
    units: readonly PartitionValues[],
    serial: (work: () => Promise<void>) => Promise<void>,
    record?: Slots,
  ): void {
    const { settle, recordUnits } = this.#accelerator;
    if (settle === undefined && (recordUnits === undefined || record === undefined)) return;
    if (this.#waiting !== undefined) {
      this.#waiting.units.push(...units);
      this.#waiting.record ??= record;
      return;
    }
    const turn = { units: [...units], record };
    this.#waiting = turn;
    const work = async () => {
      this.#waiting = undefined;
      if (turn.record !== undefined) await this.record(turn.record());
      await settle?.call(this.#accelerator, this.#dataset(), turn.units);
    };
    this.#settling = serial(work).catch((error: unknown) => {
      // A commit is durable before; an engine that shuts down settles by itself.
      this.#warn(`The files of ${this.#dataset().name} were not settled`, error);
    });
  }
}
