import { describe, test } from "@jest/globals";
import { arrowDescription } from "../arrow.ts";
import { duckdbDescription } from "../duckdb/options.ts";
import { acceleratorConformance } from "./conformance.ts";

const framework = { describe, test };
const arrow = {
  description: arrowDescription,
  module: new URL("../arrow.ts", import.meta.url).href,
  factory: "createArrow",
  mode: "memory",
} as const;
const duckdb = {
  description: duckdbDescription,
  module: new URL("../duckdb/duckdb.ts", import.meta.url).href,
  factory: "createDuckDb",
} as const;

acceleratorConformance({ ...arrow, name: "arrow", parameters: {} }, framework);
acceleratorConformance(
  { ...arrow, name: "arrow, sorted", parameters: { sort_columns: "v, id desc" } },
  framework,
);
acceleratorConformance({ ...duckdb, name: "duckdb, memory", mode: "memory", parameters: {} }, framework);
acceleratorConformance({ ...duckdb, name: "duckdb, files", mode: "file", parameters: {} }, framework);
acceleratorConformance(
  { ...duckdb, name: "duckdb, tables", mode: "file", parameters: { partition_mode: "tables" } },
  framework,
);
