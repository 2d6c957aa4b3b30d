import {
  type AcceleratedDataset,
  type Accelerator,
  type AcceleratorContext,
  type AcceleratorDescription,
  AcceleratorParameterError,
} from "../../ports/accelerator.ts";
import { MemorySchema, MemorySpace } from "./memory-space.ts";
import { SegmentedTable } from "./segmented-table.ts";
import { sortColumns } from "./sort-columns.ts";

export const arrowDescription: AcceleratorDescription = {
  name: "arrow",
  capabilities: {
    displayName: "Arrow",
    modes: ["memory"],
    defaultMode: "memory",
    partitionExpressions: "several",
    snapshots: false,
    writes: false,
    indexes: true,
    upsert: true,
    incrementalRefresh: true,
    parameterPrefix: "arrow",
    parameters: [
      {
        name: "hash_index",
        description: "Index of the primary key in every partition; needs primary_key.",
        type: { oneOf: ["disabled", "enabled"] },
        default: "disabled",
      },
      {
        name: "sort_columns",
        description: "Columns that the rows of a partition are sorted by, e.g. `a, b desc`.",
        type: "string",
      },
    ],
  },
};

/** The engine `arrow`: one table in memory per partition, lost on restart (spec chapter 03, Layout by engine). */
export function createArrow(context: AcceleratorContext): Accelerator {
  const memory = new MemorySchema(context.database);
  return {
    ...arrowDescription,
    async createTable({ dataset, values }) {
      const options = { dataset, values, sort: sort(dataset), indexes: indexes(dataset) };
      const space = new MemorySpace(memory, options);
      await space.prepare();
      return new SegmentedTable(space, options);
    },
    insertTogether: (inserts, signal) => SegmentedTable.insertTogether(inserts, signal),
    shutdown: () => memory.close(),
  };
}

function sort(dataset: AcceleratedDataset): string {
  return sortColumns(dataset.parameters["sort_columns"], dataset.columns);
}

function indexes(dataset: AcceleratedDataset): readonly (readonly string[])[] {
  const lists = dataset.indexes.map((i) => i.columns);
  const hash = dataset.parameters["hash_index"] ?? "disabled";
  if (hash === "disabled") return lists;
  if (hash !== "enabled") {
    throw new AcceleratorParameterError(`hash_index: expected disabled or enabled, found '${hash}'`);
  }
  if (dataset.primaryKey.length === 0) {
    throw new AcceleratorParameterError(`Dataset '${dataset.name}': hash_index needs a primary_key.`);
  }
  return [dataset.primaryKey, ...lists];
}
