import type { Json } from "../../src/ports/database.ts";
import type { QueryStats } from "../../src/ports/query-service.ts";
import type { Answer } from "../corpus/query.ts";

/** A table of a test, and how it is divided. */
export interface TestTable {
  readonly name: string;
  /** A statement that gives its rows, e.g. `SELECT * FROM range(10) AS t(i)`. */
  readonly select: string;
  /** Partition expressions as SQL; none for a table in one piece. */
  readonly partitionBy: readonly string[];
}

export interface ClusterAnswer extends Answer {
  readonly stats: QueryStats;
}

/**
 * A cluster under test with the truth beside it: one DuckDB that holds all rows. What stands behind it (instances in
 * this process, or real processes) is nobody's business here.
 */
export interface TestCluster {
  query(sql: string, parameters?: readonly Json[]): Promise<ClusterAnswer>;
  truth(sql: string): Promise<Answer>;
  close(): Promise<void>;
}
