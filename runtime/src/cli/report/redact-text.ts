import { redacted } from "../../observe/redact.ts";
import { isSecretName } from "./secret-name.ts";

/** A name before `:` or `=`, with the quote that closes it, however often a text was quoted within a text. */
const named = /(?<![\w.-])([\w.-]{1,80})(\\*["'])?[ \t]{0,3}(:=|[:=])[ \t]*/g;

/**
 * Blanks what stands where secrets usually stand: after names that say so (in JSON, YAML, `key=value`, flags), in
 * URLs, in authorization headers and signed addresses, in private keys. Pure; keeps lines and everything else as is.
 * What only refers to a secret (`${secrets:…}`) stays.
 */
export function redactText(text: string): string {
  return namedValues(pairs(keyTails(shapes(text))));
}

function shapes(text: string): string {
  return (
    text
      // A log may end in the middle of a key.
      .replace(
        /-----BEGIN ([A-Z ]{0,40})PRIVATE KEY-----[\s\S]*?(?:-----END \1PRIVATE KEY-----|$)/g,
        redacted,
      )
      .replace(/\b([a-z][a-z0-9+.-]{1,30}:\/\/[^\s:/@"']{0,200}):[^\s"']{1,500}@/gi, `$1:${redacted}@`)
      .replace(
        /\b(Bearer|Basic|Digest|Negotiate|AWS4-HMAC-SHA256)[ \t]+[A-Za-z0-9+/=_.~:,-]{6,}/gi,
        `$1 ${redacted}`,
      )
      .replace(/\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g, redacted)
      .replace(/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, redacted)
      .replace(
        /([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|sig|Signature)=)[^&\s"']+/gi,
        `$1${redacted}`,
      )
  );
}

/** What is left of a key whose beginning is not in the text. */
function keyTails(text: string): string {
  let clean = "";
  let done = 0;
  for (const match of text.matchAll(/-----END [A-Z ]{0,40}PRIVATE KEY-----/g)) {
    const before = text.slice(Math.max(done, match.index - 8192), match.index);
    const tail = /(?:[A-Za-z0-9+/=]{1,100}(?:\\r|\\n|\s){1,4})*$/.exec(before)?.[0].length ?? 0;
    clean += text.slice(done, match.index - tail) + redacted;
    done = match.index + match[0].length;
  }
  return clean + text.slice(done);
}

/** `name: PASSWORD` with `value: …` beside it, as environments are written. */
function pairs(text: string): string {
  const lines = text.replace(
    /(name:[ \t]*["']?)([\w.-]{1,80})(["']?[ \t]*\r?\n[ \t]*value:[ \t]*)(.+)/g,
    (all, before: string, name: string, middle: string, value: string) =>
      isSecretName(name) && !isReference(value.trim()) ? before + name + middle + redacted : all,
  );
  const within = /(\\*")name\1\s{0,3}:\s{0,3}\1([\w.-]{1,80})\1\s{0,3},\s{0,40}\1value\1\s{0,3}:\s{0,3}\1/g;
  let clean = "";
  let done = 0;
  for (let match = within.exec(lines); match !== null; match = within.exec(lines)) {
    const [all, quote = '"', name = ""] = match;
    if (!isSecretName(name)) continue;
    const start = match.index + all.length;
    const end = closing(lines, start, quote) ?? lineEnd(lines, start);
    clean += lines.slice(done, start) + redacted;
    done = end;
    within.lastIndex = end;
  }
  return clean + lines.slice(done);
}

function namedValues(text: string): string {
  const keyIsSecret = /^[ \t]*secret:/m.test(text);
  const parts: string[] = [];
  let done = 0;
  named.lastIndex = 0;
  for (let match = named.exec(text); match !== null; match = named.exec(text)) {
    const [all, name = "", , separator = ":"] = match;
    if (!isSecretName(name) && !(keyIsSecret && name === "key")) continue;
    // Within a reference.
    if (text.slice(Math.max(0, match.index - 2), match.index) === "${") continue;
    const start = match.index + all.length;
    const lineStart = text.lastIndexOf("\n", match.index - 1) + 1;
    const before = text.slice(lineStart, match.index);
    const found = valueAt(text, start, { before, separator });
    if (found === undefined) continue;
    parts.push(text.slice(done, found.from), found.text ?? redacted);
    done = found.to;
    named.lastIndex = Math.max(found.to, named.lastIndex);
  }
  return parts.length === 0 ? text : parts.join("") + text.slice(done);
}

interface Found {
  readonly from: number;
  readonly to: number;
  /** In place of the value, where it is more than a mark. */
  readonly text?: string;
}

/** Where the value is that begins at `start`; `undefined` when there is none to blank. */
function valueAt(
  text: string,
  start: number,
  place: { readonly before: string; readonly separator: string },
): Found | undefined {
  const endOfLine = lineEnd(text, start);
  const rest = text.slice(start, endOfLine);
  const quote = /^\\*["']/.exec(rest)?.[0];
  if (quote !== undefined) {
    const from = start + quote.length;
    const to = closing(text, from, quote) ?? endOfLine;
    const value = text.slice(from, to);
    return value === "" || isReference(value) ? undefined : { from, to };
  }
  if (/^[|>][+-]?\d?[+-]?[ \t]*(?:#.*)?\r?$/.test(rest)) return block(text, endOfLine, place.before);
  if (rest.trim() === "" || /^[[{]/.test(rest) || isReference(rest.trim())) return undefined;
  // Alone on its line, as in YAML and environment files, a value may hold blanks.
  if (/^[ \t]*(?:- )?["']?(?:export )?$/.test(place.before)) {
    return { from: start, to: start + rest.trimEnd().length };
  }
  const word = /^[^\s"]+/.exec(rest)?.[0];
  if (word === undefined || isReference(word.replace(/[,;})\]]+$/, ""))) return undefined;
  return { from: start, to: start + word.length };
}

/** The lines of a block scalar: those that are further in than the line that names it. */
function block(text: string, endOfLine: number, before: string): Found | undefined {
  const indent = /^[ \t]*(?:- )?/.exec(before)?.[0].length ?? 0;
  let to = endOfLine;
  while (to < text.length) {
    const next = lineEnd(text, to + 1);
    const line = text.slice(to + 1, next);
    if (line.trim() !== "" && (/^[ \t]*/.exec(line)?.[0].length ?? 0) <= indent) break;
    to = next;
  }
  if (to === endOfLine) return undefined;
  return { from: endOfLine, to, text: `\n${" ".repeat(indent + 2)}${redacted}` };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function closing(text: string, from: number, quote: string): number | undefined {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + quote.length)) {
    if (text[at - 1] === "\\" && at > from) continue;
    if (quote === "'" && text[at + 1] === "'") {
      at += 1;
      continue;
    }
    return at;
  }
  return undefined;
}

/** Whether a value is none in itself: it names where one is, or says that there is none. */
function isReference(value: string): boolean {
  const bare = value.replace(/^["']|["',]+$/g, "");
  return /^(?:\$\{[^}]*\}|\$\([\w.-]+\)|true|false|null|~|\[redacted\])$/.test(bare) || bare === "";
}
