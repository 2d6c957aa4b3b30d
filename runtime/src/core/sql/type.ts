/** A DuckDB type as a tree. Scalars keep their text, e.g. `DECIMAL(15,2)`. */
export type SqlType =
  | { readonly kind: "scalar"; readonly name: string; readonly text: string }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly element: SqlType }
  | { readonly kind: "array"; readonly element: SqlType; readonly size: number }
  | { readonly kind: "struct"; readonly fields: readonly SqlField[] }
  | { readonly kind: "map"; readonly key: SqlType; readonly value: SqlType }
  | { readonly kind: "union"; readonly members: readonly SqlField[] };

export interface SqlField {
  /** Undefined for the fields of an unnamed struct, as `row(1, 2)` makes. */
  readonly name: string | undefined;
  readonly type: SqlType;
}

/** The text is not a DuckDB type as the engine prints it. */
export class SqlTypeError extends Error {
  override readonly name = "SqlTypeError";
}

/** Names that SQL accepts besides the one that the engine prints. */
const aliases: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["STRING", "TEXT", "CHAR", "BPCHAR", "NVARCHAR"].map((a) => [a, "VARCHAR"])),
  ...Object.fromEntries(["BYTEA", "BINARY", "VARBINARY"].map((a) => [a, "BLOB"])),
  ...Object.fromEntries(["INT8", "LONG", "OID"].map((a) => [a, "BIGINT"])),
  ...Object.fromEntries(["INT", "INT4", "SIGNED", "INTEGRAL"].map((a) => [a, "INTEGER"])),
  ...Object.fromEntries(["INT2", "SHORT"].map((a) => [a, "SMALLINT"])),
  ...Object.fromEntries(["FLOAT4", "REAL"].map((a) => [a, "FLOAT"])),
  ...Object.fromEntries(["NUMERIC", "DEC"].map((a) => [a, "DECIMAL"])),
  ...Object.fromEntries(["DATETIME", "TIMESTAMP_US"].map((a) => [a, "TIMESTAMP"])),
  BOOL: "BOOLEAN",
  LOGICAL: "BOOLEAN",
  INT1: "TINYINT",
  INT16: "SMALLINT",
  INT32: "INTEGER",
  INT64: "BIGINT",
  INT128: "HUGEINT",
  UINT8: "UTINYINT",
  UINT16: "USMALLINT",
  UINT32: "UINTEGER",
  UINT64: "UBIGINT",
  UINT128: "UHUGEINT",
  FLOAT8: "DOUBLE",
  BITSTRING: "BIT",
  GUID: "UUID",
  TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
  TIMETZ: "TIME WITH TIME ZONE",
  VARINT: "BIGNUM",
};

const token =
  /\s*(?:(?<quoted>"(?:[^"]|"")*")|(?<literal>'(?:[^']|'')*')|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\d+)|(?<mark>[()[\],]))/uy;

/**
 * Read a type as DuckDB prints it (`typeof`, `DESCRIBE`), nested ones included.
 * @throws SqlTypeError when the text is not one type.
 */
export function parseSqlType(text: string): SqlType {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.trimEnd().length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new SqlTypeError(`Cannot read the type ${text} at offset ${at}`);
    tokens.push(match[0].trimStart());
  }
  const reader = new Reader(text, tokens);
  const type = reader.type();
  reader.end();
  return type;
}

class Reader {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string, tokens: readonly string[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  type(): SqlType {
    let type = this.#base();
    while (this.#take("[")) {
      if (this.#take("]")) {
        type = { kind: "list", element: type };
        continue;
      }
      const size = Number(this.#next());
      if (!Number.isInteger(size) || size < 1) throw this.#error();
      this.#expect("]");
      type = { kind: "array", element: type, size };
    }
    return type;
  }

  end(): void {
    if (this.#at !== this.#tokens.length) throw this.#error();
  }

  #base(): SqlType {
    const first = this.#next();
    if (first.startsWith('"')) return scalar(unquote(first).toUpperCase() === "NULL" ? "NULL" : first);
    if (!/^[\p{L}_]/u.test(first)) throw this.#error();
    const word = first.toUpperCase();
    if (this.#peek() === "(") {
      if (word === "STRUCT" || word === "ROW")
        return { kind: "struct", fields: this.#items(() => this.#field()) };
      if (word === "UNION") return { kind: "union", members: this.#items(() => this.#field()) };
      if (word === "ENUM") return { kind: "enum", values: this.#items(() => unquote(this.#next())) };
      if (word === "MAP") {
        const [key, value, ...rest] = this.#items(() => this.type());
        if (key === undefined || value === undefined || rest.length > 0) throw this.#error();
        return { kind: "map", key, value };
      }
      const name = aliases[word] ?? word;
      return { kind: "scalar", name, text: `${name}(${this.#items(() => this.#next()).join(",")})` };
    }
    if ((word === "TIMESTAMP" || word === "TIME") && this.#peek()?.toUpperCase() === "WITH") {
      for (const expected of ["WITH", "TIME", "ZONE"]) {
        if (this.#next().toUpperCase() !== expected) throw this.#error();
      }
      return scalar(`${word} WITH TIME ZONE`);
    }
    return scalar(aliases[word] ?? word);
  }

  #field(): SqlField {
    const first = this.#peek() ?? "";
    const second = this.#tokens[this.#at + 1] ?? "";
    const bare =
      /^[,()[\]]$/.test(second) || (/^TIME(STAMP)?$/i.test(first) && second.toUpperCase() === "WITH");
    if (bare) return { name: undefined, type: this.type() };
    this.#at++;
    return { name: unquote(first), type: this.type() };
  }

  #items<T>(item: () => T): T[] {
    this.#expect("(");
    const items = [item()];
    while (this.#take(",")) items.push(item());
    this.#expect(")");
    return items;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #next(): string {
    const next = this.#tokens[this.#at++];
    if (next === undefined) throw this.#error();
    return next;
  }

  #take(mark: string): boolean {
    if (this.#peek() !== mark) return false;
    this.#at++;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#take(mark)) throw this.#error();
  }

  #error(): SqlTypeError {
    return new SqlTypeError(`Cannot read the type ${this.#text} near token ${this.#at + 1}`);
  }
}

function scalar(name: string): SqlType {
  return { kind: "scalar", name, text: name };
}

function unquote(text: string): string {
  const quote = text[0];
  return quote === '"' || quote === "'" ? text.slice(1, -1).replaceAll(quote + quote, quote) : text;
}
