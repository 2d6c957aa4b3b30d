import { doubleType } from "../column-type.ts";
import { castBetween } from "../compute/cast.ts";
import { compileCast } from "../compute/compile.ts";
import type { Compiled } from "../compute/compiled.ts";
import { parseValue, type Value } from "../value.ts";

/** Both sides of a comparison in one type. */
export interface Aligned {
  readonly fn: Compiled;
  readonly value: Exclude<Value, null>;
}

/**
 * Bring a function and the constant that it is compared with to the type in which the engine compares them.
 * `undefined` when that type is not known here, or the conversion is not exact.
 */
export function align(fn: Compiled, constant: Compiled): Aligned | undefined {
  const value = constant.apply(null);
  if (value === null || value === undefined) return undefined;
  const a = fn.type;
  const b = constant.type;
  const castTo = (type: typeof a): Aligned | undefined => {
    const cast = compileCast(fn, type);
    return cast === undefined ? undefined : { fn: cast, value };
  };
  const convert = (): Aligned | undefined => {
    const converted = castBetween(b, a)?.apply(value);
    return converted === undefined ? undefined : { fn, value: converted };
  };
  if (b.kind === "varchar" && a.kind !== "varchar" && a.kind !== "enum") {
    const parsed = parseValue(a, value as string);
    return parsed === undefined ? undefined : { fn, value: parsed };
  }
  switch (a.kind) {
    case "integer":
      if (b.kind === "integer") return { fn, value };
      if (b.kind === "decimal") return castTo(b);
      return b.kind === "float" ? castTo(doubleType) : undefined;
    case "decimal":
      if (b.kind === "decimal") return b.scale > a.scale ? castTo(b) : convert();
      return b.kind === "integer" ? convert() : undefined;
    case "float":
      if (b.kind === "float") return { fn, value };
      if (b.kind !== "integer") return undefined;
      return (value as bigint) ** 2n < 1n << 48n ? { fn, value: Number(value) } : undefined;
    case "date":
      if (b.kind === "date") return { fn, value };
      return b.kind === "timestamp" && b.unit === "us" ? castTo(b) : undefined;
    case "timestamp":
      if (b.kind === "date") return a.unit === "us" ? convert() : undefined;
      if (b.kind !== "timestamp") return undefined;
      if (a.unit === b.unit) return { fn, value };
      return b.unit === "us" && (a.unit === "s" || a.unit === "ms") ? castTo(b) : undefined;
    case "enum":
      return b.kind === "varchar" || b.kind === "enum" ? { fn, value } : undefined;
    case "boolean":
    case "varchar":
    case "blob":
    case "time":
    case "uuid":
      return a.kind === b.kind ? { fn, value } : undefined;
    case "other":
      return undefined;
  }
}

/** Whether the aligned sides sort as the engine sorts them: an ENUM sorts by its declaration, which is not known. */
export function isOrdered(fn: Compiled): boolean {
  return fn.type.kind !== "enum";
}
