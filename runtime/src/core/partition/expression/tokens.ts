import { PartitionExpressionError } from "./errors.ts";

export type Token =
  | { readonly kind: "name"; readonly text: string; readonly quoted: boolean; readonly at: number }
  | { readonly kind: "number"; readonly text: string; readonly at: number }
  | { readonly kind: "string"; readonly text: string; readonly at: number }
  | { readonly kind: "symbol"; readonly text: string; readonly at: number }
  | { readonly kind: "placeholder"; readonly text: string; readonly at: number }
  | { readonly kind: "end"; readonly text: ""; readonly at: number };

const patterns: readonly (readonly [RegExp, Token["kind"] | "space"])[] = [
  [/\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\//y, "space"],
  [/"(?:[^"]|"")+"/y, "name"],
  [/[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y, "name"],
  [/(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y, "number"],
  [/'(?:[^']|'')*'/y, "string"],
  [/\?|\$[A-Za-z0-9_]+|:[A-Za-z_][A-Za-z0-9_]*/y, "placeholder"],
  [/::|\/\/|\|\||<>|!=|<=|>=|==|[-+*/%(),.[\]{}=<>;^&|~@!]/y, "symbol"],
];

/** Split SQL text into tokens. Throws a `syntax` {@link PartitionExpressionError} at a character that fits nowhere. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const found = match(sql, at);
    if (found === undefined) {
      throw new PartitionExpressionError(
        sql,
        "syntax",
        `Parsing SQL expression failed: unexpected character ${JSON.stringify(sql[at])} at position ${at} of ${sql}`,
      );
    }
    const [kind, text] = found;
    if (kind === "name" && text.startsWith('"')) {
      tokens.push({ kind, text: text.slice(1, -1).replaceAll('""', '"'), quoted: true, at });
    } else if (kind === "name") {
      tokens.push({ kind, text, quoted: false, at });
    } else if (kind === "string") {
      tokens.push({ kind, text: text.slice(1, -1).replaceAll("''", "'"), at });
    } else if (kind !== "space" && kind !== "end") {
      tokens.push({ kind, text, at });
    }
    at += text.length;
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

function match(sql: string, at: number): readonly [Token["kind"] | "space", string] | undefined {
  for (const [pattern, kind] of patterns) {
    pattern.lastIndex = at;
    const text = pattern.exec(sql)?.[0];
    if (text !== undefined) return [kind, text];
  }
  return undefined;
}
