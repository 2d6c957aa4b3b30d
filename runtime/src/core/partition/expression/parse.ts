import type { ArithmeticOperator, Scalar } from "../../predicate/scalar.ts";
import { formatColumnType, parseColumnType } from "../column-type.ts";
import { criterion, PartitionExpressionError, type PartitionRule } from "./errors.ts";
import {
  forbiddenFunction,
  forbiddenValue,
  reservedWords,
  unsupportedWords,
  valueFunctions,
} from "./forbidden.ts";
import { type Token, tokenize } from "./tokens.ts";

/**
 * Parse a partition expression: literals, one column's name, casts, calls, `+ - * / // % ||` and parentheses.
 * Columns have no type yet (`type` is empty); see `bind`. Throws a {@link PartitionExpressionError} for everything
 * that chapter 03 refuses by its form, else for text that is no such expression.
 */
export function parseExpression(sql: string): Scalar {
  const parser = new Parser(sql);
  const scalar = parser.expression(0);
  parser.finish();
  return scalar;
}

const precedence: Readonly<Record<string, number>> = {
  "||": 1,
  "+": 2,
  "-": 2,
  "*": 3,
  "/": 3,
  "//": 3,
  "%": 3,
};

class Parser {
  readonly #sql: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(sql: string) {
    this.#sql = sql;
    this.#tokens = tokenize(sql);
  }

  expression(minimum: number): Scalar {
    if (++this.#depth > 100) throw this.#refuse("unsupported", "nested too deeply");
    let left = this.#unary();
    for (;;) {
      const { kind, text } = this.#peek();
      const level = kind === "symbol" ? precedence[text] : undefined;
      if (level === undefined || level <= minimum) break;
      this.#next += 1;
      left = { kind: "arithmetic", op: text as ArithmeticOperator, left, right: this.expression(level) };
    }
    this.#depth -= 1;
    return left;
  }

  finish(): void {
    const token = this.#peek();
    if (token.kind === "end") return;
    const word = wordOf(token);
    if (word === "as" || (token.kind === "name" && !unsupportedWords.has(word ?? "") && word !== "over")) {
      throw this.#refuse("alias", "aliases are not allowed");
    }
    if (word === "over") throw this.#refuse("window", "window functions are not allowed");
    throw this.#unexpected(token);
  }

  #unary(): Scalar {
    if (this.#take("-")) {
      const operand = this.#unary();
      if (operand.kind === "literal" && operand.value !== null && isNumeric(operand.type)) {
        const value = operand.value.startsWith("-") ? operand.value.slice(1) : `-${operand.value}`;
        return { ...operand, value };
      }
      const zero: Scalar = { kind: "literal", type: "BIGINT", value: "0" };
      return { kind: "arithmetic", op: "-", left: zero, right: operand };
    }
    if (this.#take("+")) return this.#unary();
    let operand = this.#primary();
    while (this.#take("::")) operand = { kind: "cast", operand, type: this.#type() };
    return operand;
  }

  #primary(): Scalar {
    const token = this.#peek();
    this.#next += 1;
    switch (token.kind) {
      case "number":
        return numberLiteral(token.text.replaceAll("_", ""));
      case "string":
        return { kind: "literal", type: "VARCHAR", value: token.text };
      case "placeholder":
        throw this.#refuse("placeholder", `placeholders are not allowed: ${token.text}`);
      case "name":
        return this.#name(token);
      case "symbol":
        if (token.text === "(") return this.#parenthesised();
        throw this.#unexpected(token);
      case "end":
        throw this.#unexpected(token);
    }
  }

  #parenthesised(): Scalar {
    const word = wordOf(this.#peek());
    if (word === "select" || word === "with" || word === "from" || word === "values") {
      throw this.#refuse("subquery", "subqueries are not allowed");
    }
    const inner = this.expression(0);
    this.#expect(")");
    return inner;
  }

  #name(token: Extract<Token, { kind: "name" }>): Scalar {
    const word = token.quoted ? undefined : token.text.toLowerCase();
    const following = this.#peek();
    const call = following.kind === "symbol" && following.text === "(";
    if (word !== undefined) {
      if (word === "true" || word === "false") return { kind: "literal", type: "BOOLEAN", value: word };
      if (word === "null") return { kind: "literal", type: "NULL", value: null };
      if (word === "cast" && call) return this.#cast();
      if (word === "extract" && call) return this.#extract();
      if (word === "grouping" && wordOf(following) === "sets") {
        throw this.#refuse("grouping-sets", "GROUPING SETS are not allowed");
      }
      if (
        (word === "date" || word === "timestamp" || word === "timestamptz") &&
        following.kind === "string"
      ) {
        this.#next += 1;
        const type = formatColumnType(parseColumnType(word));
        return { kind: "literal", type, value: following.text };
      }
      if (word === "select" || word === "with") throw this.#refuse("subquery", "subqueries are not allowed");
      if (valueFunctions.has(word)) throw this.#refuse(...forbiddenValue(word)!);
      if (reservedWords.has(word)) throw this.#unexpected(token);
    }
    if (call) return this.#call(token.text.toLowerCase());
    return { kind: "column", name: token.text, type: "" };
  }

  #call(name: string): Scalar {
    const forbidden = forbiddenFunction(name);
    if (forbidden !== undefined) throw this.#refuse(...forbidden);
    this.#expect("(");
    const args: Scalar[] = [];
    if (!this.#take(")")) {
      do args.push(this.expression(0));
      while (this.#take(","));
      this.#expect(")");
    }
    if (wordOf(this.#peek()) === "over") {
      throw this.#refuse("window", `window functions are not allowed: ${name}`);
    }
    return { kind: "call", name, args };
  }

  #cast(): Scalar {
    this.#expect("(");
    const operand = this.expression(0);
    if (wordOf(this.#peek()) !== "as") throw this.#unexpected(this.#peek());
    this.#next += 1;
    const type = this.#type();
    this.#expect(")");
    return { kind: "cast", operand, type };
  }

  #extract(): Scalar {
    this.#expect("(");
    const unit = this.#peek();
    this.#next += 1;
    if ((unit.kind !== "name" && unit.kind !== "string") || wordOf(this.#peek()) !== "from") {
      throw this.#unexpected(unit);
    }
    this.#next += 1;
    const operand = this.expression(0);
    this.#expect(")");
    const literal: Scalar = { kind: "literal", type: "VARCHAR", value: unit.text };
    return { kind: "call", name: "date_part", args: [literal, operand] };
  }

  #type(): string {
    const first = this.#peek();
    if (first.kind !== "name") throw this.#unexpected(first);
    this.#next += 1;
    let text = first.text;
    // Types of several words: DOUBLE PRECISION, TIMESTAMP WITH TIME ZONE.
    for (
      let word = wordOf(this.#peek());
      word !== undefined && typeWords.has(word);
      word = wordOf(this.#peek())
    ) {
      text += ` ${word}`;
      this.#next += 1;
    }
    if (this.#take("(")) {
      const parts: string[] = [];
      do {
        const part = this.#peek();
        if (part.kind !== "number") throw this.#unexpected(part);
        parts.push(part.text);
        this.#next += 1;
      } while (this.#take(","));
      this.#expect(")");
      text += `(${parts.join(",")})`;
    }
    const type = parseColumnType(text);
    if (type.kind === "other") throw this.#refuse("unsupported", `unknown type in a cast: ${text}`);
    return formatColumnType(type);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? this.#tokens.at(-1)!;
  }

  #take(symbol: string): boolean {
    const token = this.#peek();
    if (token.kind !== "symbol" || token.text !== symbol) return false;
    this.#next += 1;
    return true;
  }

  #expect(symbol: string): void {
    if (this.#take(symbol)) return;
    if (wordOf(this.#peek()) === "as") throw this.#refuse("alias", "aliases are not allowed");
    throw this.#unexpected(this.#peek());
  }

  #refuse(rule: PartitionRule, text: string): PartitionExpressionError {
    return criterion(this.#sql, rule, text);
  }

  #unexpected(token: Token): PartitionExpressionError {
    const word = wordOf(token);
    if ((word !== undefined && unsupportedWords.has(word)) || /^[=<>!]/.test(token.text)) {
      return new PartitionExpressionError(
        this.#sql,
        "unsupported",
        `Invalid expression: Unsupported expression ${this.#sql} (${token.text} cannot be used in partition_by)`,
      );
    }
    const what = token.kind === "end" ? "end of the text" : JSON.stringify(token.text);
    return new PartitionExpressionError(
      this.#sql,
      "syntax",
      `Parsing SQL expression failed: unexpected ${what} at position ${token.at} of ${this.#sql}`,
    );
  }
}

const typeWords: ReadonlySet<string> = new Set(["precision", "with", "without", "time", "zone"]);

function wordOf(token: Token): string | undefined {
  return token.kind === "name" && !token.quoted ? token.text.toLowerCase() : undefined;
}

function isNumeric(type: string): boolean {
  return type === "BIGINT" || type === "HUGEINT" || type === "DOUBLE" || type.startsWith("DECIMAL");
}

function numberLiteral(text: string): Scalar {
  if (/^\d+$/.test(text)) {
    const value = BigInt(text);
    return { kind: "literal", type: value < 1n << 63n ? "BIGINT" : "HUGEINT", value: String(value) };
  }
  if (/[eE]/.test(text)) return { kind: "literal", type: "DOUBLE", value: String(Number(text)) };
  const [whole = "", fraction = ""] = text.split(".");
  const digits = Math.max(1, whole.replace(/^0+/, "").length + fraction.length);
  return {
    kind: "literal",
    type: `DECIMAL(${digits},${fraction.length})`,
    value: `${whole || "0"}.${fraction}`,
  };
}
