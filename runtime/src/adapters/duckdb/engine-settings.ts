/**
 * Settings of every instance that runs users' statements.
 *
 * In 1.5.5 a filter that a join finds while it runs can pass below the LIMIT of the join's other side; with several
 * threads the answer is then wrong, differently from run to run. So that optimizer stays off.
 */
export const engineSettings = { disabled_optimizers: "join_filter_pushdown" } as const;
