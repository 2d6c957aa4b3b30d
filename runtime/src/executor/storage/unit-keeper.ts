import type { AcceleratedDataset, Accelerator, PartitionValues } from "../../ports/accelerator.ts";
import type { PartitionSlot } from "./partition-slot.ts";

/** What an engine is told after commits: which partitions there are, and which files may take their final form. */
export class UnitKeeper {
  readonly #accelerator: Pick<Accelerator, "recordUnits" | "settle">;
  readonly #dataset: () => AcceleratedDataset;
  readonly #warn: (message: string, cause: unknown) => void;
  #settling: Promise<void> = Promise.resolve();

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

  /** Checkpoints wait until the new versions serve; the next refresh waits for them: `serial` puts them in line. */
  settle(units: readonly PartitionValues[], serial: (work: () => Promise<void>) => Promise<void>): void {
    if (this.#accelerator.settle === undefined) return;
    const settle = this.#accelerator.settle.bind(this.#accelerator);
    this.#settling = serial(() => settle(this.#dataset(), units)).catch((error: unknown) => {
      // A commit is durable before; an engine that shuts down settles by itself.
      this.#warn(`The files of ${this.#dataset().name} were not settled`, error);
    });
  }
}
