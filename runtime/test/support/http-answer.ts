import type { Json, SqlColumn } from "../../src/ports/database.ts";

/** A result with its rows by position, as the corpus compares them. */
export interface HttpAnswer {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly (readonly Json[])[];
  readonly strategy: string;
}

/**
 * Run a statement over HTTP and bring the JSON rows into the forms that the engine's own JSON has: exact numbers as
 * text, instants with a space. `columns` are those of the truth; a column that is missing in the answer reads as
 * undefined and compares unequal.
 */
export async function httpAnswer(
  endpoint: string,
  sql: string,
  columns: readonly SqlColumn[],
): Promise<HttpAnswer> {
  const response = await fetch(`${endpoint}/v1/sql`, { method: "POST", body: sql });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`);
  // The source text of numbers: a decimal's trailing zeros are part of its value here.
  const parsed = JSON.parse(text, function keep(
    this: unknown,
    _key,
    value: unknown,
    context?: { source?: string },
  ) {
    return typeof value === "number" ? { number: context?.source ?? String(value) } : value;
  } as (key: string, value: unknown) => unknown) as Record<string, unknown>[];
  return {
    columns,
    rows: parsed.map((row) => columns.map(({ name, type }) => engineForm(row[name], type))),
    strategy: response.headers.get("x-spice-strategy") ?? "",
  };
}

function engineForm(value: unknown, type: string): Json {
  if (typeof value === "object" && value !== null && "number" in value) {
    const source = String(value.number);
    return /^(?:U?BIGINT|U?HUGEINT|DECIMAL)/.test(type) ? source : Number(source);
  }
  if (typeof value !== "string") return value as Json;
  return /^TIMESTAMP/.test(type) ? value.replace("T", " ").replace(/Z$/, "") : value;
}
