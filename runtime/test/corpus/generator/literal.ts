import type { Rng } from "./rng.ts";
import type { Kind } from "./schema.ts";
import { type Expr, sql } from "./tree.ts";

const words = ["EU", "US", "APAC", "", "a/b=c%", "Ünï 😀", "item 3", "item 17", "Ax", "B", "none", "it''s"];
const days = [
  "2024-02-29",
  "2023-02-28",
  "2024-03-01",
  "2000-02-29",
  "1969-12-31",
  "2024-01-15",
  "2024-04-10",
];
const times = [
  "2023-12-28 00:00:00",
  "2024-02-29 12:34:56",
  "2024-02-28 23:59:59.999999",
  "2024-03-05 06:00:00",
];
const wide = ["9223372036854775807", "(-9223372036854775807 - 1)", "0", "42", "9007199254740993"];
const wild = [
  "'NaN'::DOUBLE",
  "'Infinity'::DOUBLE",
  "0.0::DOUBLE",
  "-0.0::DOUBLE",
  "1e300::DOUBLE",
  "1.5::DOUBLE",
];

/** A constant that has a fair chance to meet values of the awkward tables. Never NULL. */
export function literal(rng: Rng, kind: Kind): Expr {
  switch (kind) {
    case "int":
      return sql("int")`${rng.chance(0.5) ? rng.int(0, 20) : rng.int(-150, 300)}`;
    case "big":
      return sql("big")`${rng.pick(wide)}`;
    case "dec":
    case "decx":
      return sql(kind)`${(rng.int(-5000, 9000) / 100).toFixed(2)}`;
    case "dbl":
      return sql("dbl")`${rng.int(-600, 1200) / 4}::DOUBLE`;
    case "wild":
      return sql("wild")`${rng.pick(wild)}`;
    case "str":
      return sql("str")`'${rng.pick(words)}'`;
    case "date":
      return sql("date")`DATE '${rng.pick(days)}'`;
    case "ts":
      return sql("ts")`TIMESTAMP '${rng.pick(times)}'`;
    case "bool":
      return sql("bool")`${rng.pick(["true", "false"])}`;
    case "inexact":
    case "list":
      throw new RangeError(`There are no constants of kind ${kind}`);
  }
}

export const likePatterns = ["%e%", "item%", "%1", "_x%", "%", "", "A%", "E_", "%\\%", "a/%"] as const;
