import { PartitionValues } from "../../src/core/cluster/document/partition-values.ts";
import type { ReconcileTable } from "../../src/scheduler/assignment/reconcile.ts";
import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** The tables of a run: two bucket tables that are co-located, one whose values come and go, one unpartitioned. */
export class SimSource {
  readonly tables: readonly ReconcileTable[] = [
    table("spice.public.orders", ["bucket(4, id)"]),
    table("spice.public.sales", ["bucket(10, id)"]),
    table("spice.public.days", ["day"]),
    table("spice.public.names", []),
  ];
  /** Discoveries fail with this probability. */
  failing = 0;
  #days = ["2026-01-01", "2026-01-02", null];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Values appear and disappear at the source. */
  change(): void {
    const { random } = this.#world;
    if (this.#days.length > 1 && random.chance(0.5))
      this.#days.splice(random.between(0, this.#days.length - 1), 1);
    else this.#days.push(`2026-02-${String(random.between(10, 28))}`);
  }

  values(name: string): PartitionValues {
    switch (name) {
      case "spice.public.orders":
        return PartitionValues.buckets(4, false);
      case "spice.public.sales":
        return PartitionValues.buckets(10, true);
      case "spice.public.names":
        return PartitionValues.single();
      default:
        return PartitionValues.of(
          1,
          this.#days.map((day) => [day]),
        );
    }
  }

  discover(process: SimProcess, name: string): Promise<PartitionValues> {
    const { random } = this.#world;
    return new Promise((resolve, reject) => {
      process.after(random.between(5, 300), () => {
        if (random.chance(this.failing)) reject(new Error(`the source of ${name} is down`));
        else resolve(this.values(name));
      });
    });
  }
}

function table(name: string, expressions: readonly string[]): ReconcileTable {
  return { name, expressions, onChangedExpressions: "keep" };
}
