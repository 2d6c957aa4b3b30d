import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  type DuckDBType,
  FLOAT,
  HUGEINT,
  INTEGER,
  INTERVAL,
  SMALLINT,
  TIME,
  TIMESTAMP,
  TIMESTAMP_MS,
  TIMESTAMP_NS,
  TIMESTAMP_S,
  TIMESTAMPTZ,
  TINYINT,
  UBIGINT,
  UHUGEINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  UUID,
  VARCHAR,
} from "@duckdb/node-api";

export interface InlineType {
  readonly type: DuckDBType;
  /** Bytes of a value in the engine's memory; 0 for text and blobs, whose lengths differ. */
  readonly width: number;
}

const types = new Map<string, InlineType>(
  (
    [
      [1, [BOOLEAN, TINYINT, UTINYINT]],
      [2, [SMALLINT, USMALLINT]],
      [4, [INTEGER, UINTEGER, FLOAT, DATE]],
      [8, [BIGINT, UBIGINT, DOUBLE, TIME, TIMESTAMP, TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP_NS, TIMESTAMPTZ]],
      [16, [HUGEINT, UHUGEINT, UUID, INTERVAL]],
      [0, [VARCHAR, BLOB]],
    ] as const
  ).flatMap(([width, list]) => list.map((type): [string, InlineType] => [type.toString(), { type, width }])),
);

const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/;

/** How values of a type stand in an inline frame; undefined for types that travel as Parquet only. */
export function inlineType(text: string): InlineType | undefined {
  const known = types.get(text);
  if (known !== undefined) return known;
  const match = decimal.exec(text);
  if (match === null) return undefined;
  const [digits, scale] = [Number(match[1]), Number(match[2])];
  return { type: DECIMAL(digits, scale), width: digits <= 4 ? 2 : digits <= 9 ? 4 : digits <= 18 ? 8 : 16 };
}

/** The types of all columns; undefined when one of them travels as Parquet only. */
export function inlineTypes(
  columns: readonly { readonly type: string }[],
): readonly InlineType[] | undefined {
  const found = columns.map(({ type }) => inlineType(type));
  return found.every((type) => type !== undefined) ? found : undefined;
}
