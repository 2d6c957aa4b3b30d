import { describe, test } from "@jest/globals";
import { acceleratorConformance } from "./conformance.ts";

const framework = { describe, test };
const arrow = new URL("../arrow.ts", import.meta.url).href;
const duckdb = new URL("../duckdb/duckdb.ts", import.meta.url).href;

acceleratorConformance(
  { name: "arrow", module: arrow, factory: "createArrow", mode: "memory", parameters: {} },
  framework,
);
acceleratorConformance(
  {
    name: "arrow, sorted",
    module: arrow,
    factory: "createArrow",
    mode: "memory",
    parameters: { sort_columns: "v, id desc" },
  },
  framework,
);
acceleratorConformance(
  { name: "duckdb, files", module: duckdb, factory: "createDuckDb", mode: "file", parameters: {} },
  framework,
);
acceleratorConformance(
  {
    name: "duckdb, tables",
    module: duckdb,
    factory: "createDuckDb",
    mode: "file",
    parameters: { partition_mode: "tables" },
  },
  framework,
);
