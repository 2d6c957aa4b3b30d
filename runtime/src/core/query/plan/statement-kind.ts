/** What a text asks for, before it is parsed: EXPLAIN has no tree of its own. */
export interface StatementKind {
  readonly explain: "no" | "plan" | "analyze";
  /** The statement without EXPLAIN. */
  readonly sql: string;
  /** Bytes of the text before `sql`, for positions in messages. */
  readonly offset: number;
}

const blank = String.raw`(?:\s|--[^\n]*(?:\n|$)|/\*[\s\S]*?\*/)`;
const explain = new RegExp(`^${blank}*EXPLAIN(?:${blank}+(ANALYZE|ANALYSE))?${blank}+`, "i");

/** Tell EXPLAIN and EXPLAIN ANALYZE from the statement behind them. */
export function statementKind(text: string): StatementKind {
  const found = explain.exec(text);
  if (found === null) return { explain: "no", sql: text, offset: 0 };
  const [prefix, analyze] = found;
  return {
    explain: analyze === undefined ? "plan" : "analyze",
    sql: text.slice(prefix.length),
    offset: Buffer.byteLength(prefix),
  };
}
