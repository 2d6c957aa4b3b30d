import type {
  AcceleratedDataset,
  Accelerator,
  PartitionValues,
  UnitRecord,
} from "../../ports/accelerator.ts";
import { partitionKey } from "./dataset-config.ts";

/** Partitions that storage held when a table was opened, until each is taken over or freed. */
export class StoredUnits {
  readonly #units: Map<string, PartitionValues>;
  readonly #accelerator: Pick<Accelerator, "createTable">;

  constructor(units: readonly UnitRecord[], accelerator: Pick<Accelerator, "createTable">) {
    this.#accelerator = accelerator;
    this.#units = new Map(units.map(({ values }) => [partitionKey(values), values]));
  }

  get size(): number {
    return this.#units.size;
  }

  /** Take a partition over; true when storage holds it. */
  take(key: string): boolean {
    return this.#units.delete(key);
  }

  /** Free those that are not wanted by then; how many. One that cannot be freed stays for the next time. */
  async freeUnwanted(
    wanted: () => ReadonlyMap<string, unknown>,
    dataset: AcceleratedDataset,
  ): Promise<number> {
    let freed = 0;
    for (const [key, values] of [...this.#units]) {
      if (wanted().has(key)) continue;
      const table = await this.#accelerator.createTable({ dataset, values });
      await table.drop();
      this.#units.delete(key);
      freed += 1;
    }
    return freed;
  }
}
