/** A literal of a statement's text. */
export interface TextLiteral {
  /** Where it begins, as the engine counts. */
  readonly offset: number;
  readonly value: number | string;
}

/** A statement's text apart from its literals. */
export interface TextShape {
  /** Equal for texts that differ in the values of `literals` alone: then the parser makes trees of equal form of them. */
  readonly key: string;
  readonly literals: readonly TextLiteral[];
}

/** Comments, dollar quotes, parameters, escapes and other alphabets are left to the parser. */
const plain = /^(?:(?!--|\/\*)[\t\n\r -#%-[\]-~])*$/;
const token = /"(?:[^"]|"")*"|'(?:[^']|'')*'|[A-Za-z_]\w*|\.?\d[\w.]*/g;
const longest = 10_000;

/**
 * The shape of a statement, with integers of up to nine digits (INTEGER for the engine, whatever their value) and
 * simple strings as literals. Undefined for a text that only the engine should take apart.
 */
export function textShape(sql: string): TextShape | undefined {
  if (sql.length > longest || !plain.test(sql)) return undefined;
  const literals: TextLiteral[] = [];
  const key = sql.replaceAll(token, (text: string, offset: number) => {
    if (/^\d{1,9}$/.test(text)) {
      literals.push({ offset, value: Number(text) });
      return "\0i";
    }
    if (!text.startsWith("'") || text.slice(1, -1).includes("'")) return text;
    literals.push({ offset, value: text.slice(1, -1) });
    return "\0s";
  });
  return { key, literals };
}
