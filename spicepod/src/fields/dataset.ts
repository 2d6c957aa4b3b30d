import { parametersWithColumns } from "../field/collection.ts";
import { defaulted, optional, required } from "../field/field.ts";
import { bool, oneOf, text } from "../field/scalar.ts";
import { section } from "../field/section.ts";
import { namePattern } from "../names.ts";
import { noSource, sourceText } from "../source.ts";
import { accelerationSection } from "./acceleration.ts";
import { notHere } from "./refused.ts";

const name = text("a name", {
  regex: namePattern,
  rule: "must be a name of letters, digits and underscores that does not start with a digit; up to two schemas may stand before it, with dots.",
});
const timeFormat = oneOf("timestamp", "unix_seconds", "unix_millis", "ISO8601", "date");

/** One entry of `datasets` (spec chapter 02). */
export const datasetSection = section(
  {
    from: required(
      sourceText(),
      "Where the rows come from, e.g. `postgres:public.events` or `s3://bucket/path/`.",
      noSource,
    ),
    name: required(name, "The table's name in SQL.", ""),
    params: optional(parametersWithColumns(), "Parameters of the source, e.g. `pg_host` or `file_format`."),
    time_column: optional(text("a column"), "The column that says when a row happened."),
    time_format: defaulted(timeFormat, "How `time_column` is written.", "timestamp"),
    time_partition_column: optional(
      text("a column"),
      "A second, coarser time column on which the source prunes.",
    ),
    time_partition_format: defaulted(timeFormat, "How `time_partition_column` is written.", "timestamp"),
    access: defaulted(oneOf("read", "read_write"), "Whether the dataset can be written.", "read"),
    replication: defaulted(
      section({
        enabled: defaulted(bool(), "Whether writes to the copy are replicated to the source.", false),
      }),
      "Replication of writes to the source.",
      {},
    ),
    acceleration: optional(accelerationSection, "The local copy."),
  },
  {
    ...notHere("ready_state", "load", "on_schema_change", "columns", "embeddings", "description"),
    ...notHere("metadata", "dependsOn", "vectors", "full_text_search", "unsupported_type_action"),
    file_format: "`file_format` belongs under `params`.",
    partition_cols: "`partition_cols` belongs under `params`; the newer form is `acceleration.partition_by`.",
    sql: "`sql` belongs to a view, under the top-level `views`.",
  },
);

/** One entry of `views` (spec chapters 02 and 05). */
export const viewSection = section(
  {
    name: required(name, "The view's name in SQL.", ""),
    sql: required(text("a SELECT"), "The SELECT that the view stands for.", ""),
    acceleration: optional(accelerationSection, "A local copy of the view's rows."),
  },
  {
    ...notHere("sql_ref", "description", "metadata", "dependsOn"),
    from: "`from` belongs to a dataset, under the top-level `datasets`.",
  },
);
