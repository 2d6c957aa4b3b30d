import type { Kind } from "./field/field.ts";
import { suggest } from "./suggest.ts";

/** Where a dataset comes from: `from:` taken apart (spec chapter 05, Sources). `text` is as written. */
export type Source =
  | { readonly kind: "postgres"; readonly text: string; readonly schema: string; readonly table: string }
  | {
      readonly kind: "file";
      readonly text: string /** Relative or absolute; may hold globs. */;
      readonly path: string;
    }
  | {
      readonly kind: "object";
      readonly text: string;
      readonly scheme: "s3" | "gs" | "abfs" | "abfss" | "http" | "https";
      /** Bucket, container or host. */
      readonly bucket: string;
      /** Without a slash at the start; may be empty, end with `/`, or hold globs. */
      readonly key: string;
    }
  | {
      readonly kind: "duckdb" | "sqlite" | "mysql" | "iceberg" | "delta";
      readonly text: string;
      readonly reference: string;
    };

export type SourceKind = Source["kind"];

const objectSchemes = ["s3", "gs", "abfs", "abfss", "http", "https"] as const;
const referenceSchemes = ["duckdb", "sqlite", "mysql", "iceberg", "delta"] as const;

/** Every word that may stand before the first colon of `from:`. */
export const sourceSchemes: readonly string[] = ["postgres", "file", ...objectSchemes, ...referenceSchemes];

const identifier = /^\s*(?:"((?:[^"]|"")+)"|([A-Za-z_][A-Za-z0-9_$]*))\s*$/;

/** Why a text is no source; the message does not repeat the text. */
export interface SourceProblem {
  readonly message: string;
  readonly suggestion?: string;
}

/** Takes a `from:` apart. */
export function parseSource(text: string): { source: Source } | { problem: SourceProblem } {
  const [, scheme = "", rest = ""] = text.match(/^([A-Za-z][A-Za-z0-9+_-]*):(.*)$/s) ?? [];
  if (scheme === "") {
    const looksLikePath = /[/.*]/.test(text);
    const message = `names no kind of source; it starts with one of ${sourceSchemes.map((s) => `\`${s}:\``).join(", ")}.`;
    return { problem: { message, ...(looksLikePath ? { suggestion: `file:${text}` } : {}) } };
  }
  if (scheme === "postgres") return postgres(text, rest);
  if (scheme === "file") return file(text, rest);
  const object = objectSchemes.find((known) => known === scheme);
  if (object !== undefined) {
    const [, bucket = "", key = ""] = rest.match(/^\/\/([^/?#]+)(?:\/(.*))?$/s) ?? [];
    if (bucket === "") return { problem: { message: `must be a URL such as \`${scheme}://bucket/path/\`.` } };
    if (bucket.includes("@") && !scheme.startsWith("abfs")) {
      return { problem: { message: "must not hold credentials; give them as `params`." } };
    }
    return { source: { kind: "object", text, scheme: object, bucket, key } };
  }
  const reference = referenceSchemes.find((known) => known === scheme);
  if (reference !== undefined) {
    if (rest.trim() === "") return { problem: { message: `names nothing after \`${scheme}:\`.` } };
    return { source: { kind: reference, text, reference: rest } };
  }
  const near =
    suggest(scheme, sourceSchemes) ?? (scheme === "postgresql" || scheme === "pg" ? "postgres" : undefined);
  const known = sourceSchemes.map((s) => `\`${s}\``).join(", ");
  return {
    problem: {
      message: `\`${scheme}\` is not a kind of source; known are ${known}.`,
      ...(near === undefined ? {} : { suggestion: `${near}:${rest}` }),
    },
  };
}

function postgres(text: string, rest: string): { source: Source } | { problem: SourceProblem } {
  const names = splitDots(rest).map((part) => {
    const [, quoted, plain] = part.match(identifier) ?? [];
    return quoted?.replaceAll('""', '"') ?? plain;
  });
  const table = names.at(-1);
  const schema = names.length === 1 ? "public" : names[0];
  if (table === undefined || schema === undefined || names.length > 2) {
    const message =
      "must be `postgres:schema.table`, with names in double quotes that are not plain; host and database are `params`.";
    return { problem: { message } };
  }
  return { source: { kind: "postgres", text, schema, table } };
}

function file(text: string, rest: string): { source: Source } | { problem: SourceProblem } {
  if (rest.trim() === "") return { problem: { message: "names no file after `file:`." } };
  if (!rest.startsWith("//")) return { source: { kind: "file", text, path: rest } };
  const path = rest.slice(2);
  if (path.startsWith("/")) return { source: { kind: "file", text, path } };
  const message =
    "`file://` is followed by an absolute path, so by a third slash; a relative one is `file:path`.";
  return { problem: { message, suggestion: `file:${path}` } };
}

function splitDots(text: string): string[] {
  const parts: string[] = [];
  let current = "";
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (char === "." && !quoted) {
      parts.push(current);
      current = "";
    } else current += char;
  }
  return [...parts, current];
}

/** Stands in for a `from` that is wrong while the rest of the file is checked. */
export const noSource: Source = { kind: "file", text: "", path: "" };

/** The kind of field that `from` is. */
export function sourceText(): Kind<Source> {
  return {
    read(tree, report) {
      if (tree.kind !== "string")
        return report.value(tree, "must be a string such as `postgres:schema.table`.");
      const parsed = parseSource(tree.value);
      if ("source" in parsed) return parsed.source;
      const { message, suggestion } = parsed.problem;
      return message.includes("credentials")
        ? report.at(tree, message)
        : report.value(tree, message, { suggestion });
    },
    schema: { type: "string", pattern: `^(${sourceSchemes.join("|")}):` },
  };
}
