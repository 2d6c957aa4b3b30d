import { durationPattern, parseDuration, suggestDuration } from "../duration.ts";
import { parseSize, sizePattern, suggestSize } from "../size.ts";
import { suggest } from "../suggest.ts";
import { describeKind } from "../tree/tree.ts";
import type { Kind } from "./field.ts";

/** Node's timers overflow past this, so nothing that is waited for may be longer. */
const longestWait = "24d";

/** A non-empty string; `what` completes "must be …". */
export function text(
  what = "a string",
  pattern?: { readonly regex: string; readonly rule: string },
): Kind<string> {
  return {
    read(tree, report) {
      if (tree.kind !== "string") {
        const quoted = tree.kind === "number" ? `"${tree.text}"` : undefined;
        return report.value(tree, `must be ${what}, found ${describeKind(tree)}.`, { suggestion: quoted });
      }
      if (tree.value.trim() === "") return report.value(tree, `must be ${what}, found an empty one.`);
      if (pattern !== undefined && !new RegExp(pattern.regex).test(tree.value)) {
        const folded = tree.value.replace(/[^A-Za-z0-9_.]+/g, "_");
        const fits = new RegExp(pattern.regex).test(folded);
        return report.value(tree, pattern.rule, { suggestion: fits ? folded : undefined });
      }
      return tree.value;
    },
    schema: { type: "string", ...(pattern === undefined ? { minLength: 1 } : { pattern: pattern.regex }) },
  };
}

export function bool(): Kind<boolean> {
  return {
    read(tree, report) {
      if (tree.kind === "boolean") return tree.value;
      const word = tree.kind === "string" ? tree.value.toLowerCase() : "";
      const meant = ["true", "yes", "on"].includes(word)
        ? "true"
        : ["false", "no", "off"].includes(word)
          ? "false"
          : undefined;
      return report.value(tree, `must be true or false, found ${describeKind(tree)}.`, { suggestion: meant });
    },
    schema: { type: "boolean" },
  };
}

/** A whole number of at least `minimum`. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range =
    maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  return {
    read(tree, report) {
      const fits = (value: number) => Number.isSafeInteger(value) && value >= minimum && value <= maximum;
      if (tree.kind === "number" && fits(tree.value)) return tree.value;
      const meant =
        tree.kind === "string" && /^\d+$/.test(tree.value) && fits(Number(tree.value))
          ? tree.value
          : undefined;
      return report.value(tree, `must be a whole number ${range}.`, { suggestion: meant });
    },
    schema: { type: "integer", minimum, maximum },
  };
}

/** A duration, read as milliseconds. `wait` is for what a timer waits for: above zero and at most 24 days. */
export function duration(use: "wait" | "any" = "any"): Kind<number> {
  const longest = parseDuration(longestWait) as number;
  return {
    read(tree, report) {
      const value = tree.kind === "string" ? parseDuration(tree.value) : undefined;
      if (value === undefined) {
        const found = tree.kind === "string" ? tree.value : tree.kind === "number" ? tree.text : "";
        const message = "must be a duration such as `500ms`, `10s`, `5m`, `2h`, `1d` or `1h30m`.";
        return report.value(tree, message, { suggestion: suggestDuration(found) });
      }
      if (use === "wait" && value === 0) return report.value(tree, "must be longer than zero.");
      if (use === "wait" && value > longest) return report.value(tree, `must be at most \`${longestWait}\`.`);
      return value;
    },
    schema: { type: "string", pattern: durationPattern },
  };
}

/** A size, read as bytes. */
export function size(): Kind<number> {
  return {
    read(tree, report) {
      const value = tree.kind === "string" ? parseSize(tree.value) : undefined;
      if (value !== undefined && value > 0) return value;
      const found = tree.kind === "string" ? tree.value : tree.kind === "number" ? tree.text : "";
      const message = "must be a size above zero such as `512MB` or `4GiB`.";
      return report.value(tree, message, { suggestion: value === 0 ? undefined : suggestSize(found) });
    },
    schema: { type: "string", pattern: sizePattern },
  };
}

/** One of a few words, exactly as written. */
export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    read(tree, report) {
      const word =
        tree.kind === "string" ? tree.value : tree.kind === "boolean" ? String(tree.value) : undefined;
      const found = tree.kind === "string" ? values.find((value) => value === word) : undefined;
      if (found !== undefined) return found;
      const list = values.map((value) => `\`${value}\``).join(values.length === 2 ? " or " : ", ");
      const switches: Readonly<Record<string, string>> = { true: "enabled", false: "disabled" };
      const meant = word === undefined ? undefined : (suggest(word, values) ?? switches[word]);
      const suggestion = values.find((value) => value === meant);
      return report.value(tree, `must be ${values.length > 2 ? "one of " : ""}${list}.`, { suggestion });
    },
    schema: { type: "string", enum: values },
  };
}
