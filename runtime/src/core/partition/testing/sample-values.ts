import { type ColumnType, dateInfinity, domainOf, timestampInfinity } from "../column-type.ts";
import { formatValue, type Value } from "../value.ts";

/** Values of a type where mistakes live: extremes, leap days, ends of months, years before 1, odd text. */
export function sampleValues(type: ColumnType): Value[] {
  switch (type.kind) {
    case "integer":
    case "decimal": {
      const { min, max } = domainOf(type)!;
      const near = [
        -1000n,
        -11n,
        -10n,
        -9n,
        -5n,
        -4n,
        -3n,
        -2n,
        -1n,
        0n,
        1n,
        2n,
        3n,
        4n,
        5n,
        7n,
        9n,
        10n,
        11n,
        99n,
        100n,
        1000n,
      ];
      return [null, min, min + 1n, max, max - 1n, ...near].filter(
        (value) => value === null || (value >= min && value <= max),
      );
    }
    case "boolean":
      return [null, true, false];
    case "varchar":
      return [
        null,
        "",
        "a",
        "ab",
        "abc",
        "abd",
        "b",
        "B",
        "Ab",
        " a",
        "none",
        "é",
        "éa",
        "日本語",
        "😀😀x",
        "\u{ffff}",
        "a/b",
        "it's",
        "%_",
        "x".repeat(17),
        "long text of more than thirty-two bytes, é",
      ];
    case "date":
      return [null, -dateInfinity, dateInfinity, ...days];
    case "timestamp":
      return [
        null,
        -timestampInfinity,
        timestampInfinity,
        ...days
          .filter((day) => day > -100_000n && day < 100_000n)
          .flatMap((day) => [day * ticksPerDay[type.unit], (day + 1n) * ticksPerDay[type.unit] - 1n]),
      ];
    case "float":
      return [null, 0, -0, 1, -1, 0.5, 1e300, -1e300, Number.NaN, Infinity, -Infinity];
    case "blob":
      return [null, new Uint8Array(), Uint8Array.of(0), Uint8Array.of(1, 2, 3), Uint8Array.of(255, 0, 255)];
    case "time":
      return [null, 0n, 1n, 86_399_999_999n];
    case "uuid":
      return [null, "6f9619ff-8b86-d011-b42d-00c04fc964ff"];
    case "enum":
    case "other":
      return [null];
  }
}

const ticksPerDay = {
  s: 86_400n,
  ms: 86_400_000n,
  us: 86_400_000_000n,
  ns: 86_400_000_000_000n,
} as const;

// 1969-12-31 … 1970-01-02, leap days of 2000 and 2024, 1900-02-28/03-01 (no leap year), ends of years and ISO years,
// the years 0001, 0000, -0001 and -0043, and 9999-12-31 / 10000-01-01.
const days: readonly bigint[] = [
  -1n,
  0n,
  1n,
  11_015n,
  11_016n,
  19_781n,
  19_782n,
  19_783n,
  -25_509n,
  -25_508n,
  18_262n,
  18_261n,
  18_627n,
  18_628n,
  18_630n,
  20_453n,
  20_454n,
  -719_162n,
  -719_163n,
  -719_528n,
  -719_529n,
  -734_800n,
  2_932_896n,
  2_932_897n,
];

/** A value as a DuckDB literal of the type. */
export function sqlLiteral(typeText: string, type: ColumnType, value: Value): string {
  if (value === null) return `NULL::${typeText}`;
  const text = formatValue(type, value);
  if (type.kind === "float") return `'${Object.is(value, -0) ? "-0.0" : text}'::${typeText}`;
  if (type.kind === "blob") return `unhex('${text}')`;
  return `'${text.replaceAll("'", "''")}'::${typeText}`;
}
