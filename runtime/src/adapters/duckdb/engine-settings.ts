/**
 * Settings of every instance that runs users' statements.
 *
 * In 1.5.5 a filter that a join finds while it runs can pass below the LIMIT of the join's other side; with several
 * threads the answer is then wrong, differently from run to run. So that optimizer stays off.
 *
 * For what it does not find the engine would look for similar names in every catalogue that is attached, also in that of
 * a PostgreSQL source: it would fail with that one, and keep files from being detached.
 */
export const engineSettings = {
  disabled_optimizers: "join_filter_pushdown",
  catalog_error_max_schemas: "0",
} as const;
