/** Statements of a script, and what remains after the last `;`. */
export interface SplitScript {
  readonly statements: readonly string[];
  /** Text after the last statement's end; blank when the script is complete. */
  readonly rest: string;
}

/**
 * Split at `;` outside of strings, quoted identifiers, dollar quotes and comments. An unfinished string or comment
 * belongs to the rest, so that a prompt can ask for more.
 */
export function splitStatements(script: string): SplitScript {
  const statements: string[] = [];
  let start = 0;
  let at = 0;
  while (at < script.length) {
    if (script[at] === ";") {
      const statement = script.slice(start, at).trim();
      if (statement !== "") statements.push(statement);
      start = at + 1;
    }
    at = skipToken(script, at);
  }
  return { statements, rest: script.slice(start) };
}

/** The position after the token at `at`: a whole quoted text or comment, or one character. */
function skipToken(script: string, at: number): number {
  const end = (close: string, from: number) => {
    const found = script.indexOf(close, from);
    return found < 0 ? script.length : found + close.length;
  };
  const character = script[at];
  if (character === "'" || character === '"') return end(character, at + 1);
  if (script.startsWith("--", at)) return end("\n", at);
  if (script.startsWith("/*", at)) return end("*/", at + 2);
  if (character === "$") {
    const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(script.slice(at, at + 80))?.[0];
    if (tag !== undefined) return end(tag, at + tag.length);
  }
  return at + 1;
}

/** True when nothing but blanks and comments is left. */
export function isBlank(script: string): boolean {
  return script.replace(/--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\//g, "").trim() === "";
}
