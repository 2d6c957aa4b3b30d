import type { PartitionRule } from "./errors.ts";

const words = (text: string) => new Set(text.split(" "));

const aggregates = words(
  "any_value approx_count_distinct approx_quantile approx_top_k arg_max arg_min argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat histogram kurtosis last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc regr_avgx regr_count regr_slope reservoir_quantile skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp variance",
);
const windows = words(
  "row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value",
);
const volatile = words(
  "random setseed uuid uuidv4 uuidv7 gen_random_uuid now current_timestamp current_date current_time localtime localtimestamp today transaction_timestamp get_current_timestamp get_current_time nextval currval txid_current current_user current_setting current_schema current_database current_query getvariable getenv age",
);

/** Why a call of this function is refused in `partition_by`, if it is. Names in lower case. */
export function forbiddenFunction(name: string): readonly [PartitionRule, string] | undefined {
  if (aggregates.has(name)) return ["aggregate", `aggregate functions are not allowed: ${name}`];
  if (windows.has(name)) return ["window", `window functions are not allowed: ${name}`];
  if (name === "unnest" || name === "explode") return ["unnest", "UNNEST is not allowed"];
  if (name === "exists") return ["exists", "EXISTS is not allowed"];
  if (name === "grouping" || name === "grouping_id" || name === "cube" || name === "rollup") {
    return ["grouping-sets", "GROUPING SETS are not allowed"];
  }
  return forbiddenValue(name);
}

/** As {@link forbiddenFunction}, for names that are functions also without parentheses. */
export function forbiddenValue(name: string): readonly [PartitionRule, string] | undefined {
  return volatile.has(name) ? ["volatile", `volatile functions are not allowed: ${name}`] : undefined;
}

/** Values that read like columns but are functions: `current_date`. */
export const valueFunctions: ReadonlySet<string> = words(
  "current_timestamp current_date current_time localtime localtimestamp current_user current_schema",
);

/** Words that end an expression or belong to syntax that is not taken here. */
export const unsupportedWords: ReadonlySet<string> = words(
  "and or not in is like ilike similar between case when then else end any all distinct filter within collate at interval array struct map lambda glob isnull notnull order",
);

/** Of those, the words that cannot be a column's name without quotes. */
export const reservedWords: ReadonlySet<string> = words(
  "and or not in case when then else end any all distinct collate lambda order is like ilike similar between",
);
