import type { BoundPartitionExpression } from "./bind.ts";
import { formatColumnType } from "./column-type.ts";

/**
 * A key that two tables' bucket expressions share exactly when equal column values fall into equal buckets, so that
 * buckets of the same number can be placed and joined together. `undefined` when hashing does not follow equality
 * (floats: `0.0 = -0.0`) or the expression is no bucket. Holds only for joins whose plan has no cast and no
 * collation on either column (spec chapter 03).
 */
export function bucketCoLocation(expression: BoundPartitionExpression): string | undefined {
  const { transform } = expression;
  if (transform.kind !== "bucket") return undefined;
  const hashed = hashedType(expression);
  return hashed === undefined ? undefined : `bucket:${transform.count}:${hashed}`;
}

function hashedType(expression: BoundPartitionExpression): string | undefined {
  const { scalar } = expression;
  // A cast below bucket hashes another value than the column that a join compares.
  if (scalar.kind !== "call" || scalar.args[1]?.kind !== "column") return undefined;
  const { type } = expression.column;
  switch (type.kind) {
    case "integer":
    case "boolean":
    case "varchar":
    case "blob":
    case "date":
    case "time":
    case "timestamp":
    case "uuid":
      return formatColumnType(type);
    case "decimal":
      // Hashed by the unscaled integer: the precision does not matter.
      return `DECIMAL(*,${type.scale})`;
    case "float":
    case "enum":
    case "other":
      return undefined;
  }
}
