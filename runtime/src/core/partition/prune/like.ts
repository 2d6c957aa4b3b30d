import { afterPrefix } from "./ordered.ts";
import { between, points, type RangeSet } from "./range-set.ts";

/** What a LIKE pattern means. */
export interface LikePattern {
  /** Every matching text is in here. */
  readonly range: RangeSet;
  /** And every text in here matches. */
  readonly exact: boolean;
  readonly test: (text: string) => boolean;
}

/** Read a pattern. `undefined` for a malformed one (an escape at the end), which the engine refuses. */
export function likePattern(pattern: string, escapeBy: string | undefined): LikePattern | undefined {
  let prefix = "";
  let expression = "^";
  let wildcardAt: number | undefined;
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    let character = characters[i]!;
    const escaped = escapeBy !== undefined && escapeBy !== "" && character === escapeBy;
    if (escaped) {
      i += 1;
      if (i >= characters.length) return undefined;
      character = characters[i]!;
    }
    if (!escaped && (character === "%" || character === "_")) {
      wildcardAt ??= i;
      expression += character === "%" ? "[^]*" : "[^]";
      continue;
    }
    expression += character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    if (wildcardAt === undefined) prefix += character;
  }
  const matcher = new RegExp(`${expression}$`, "u");
  const test = (text: string) => matcher.test(text);
  if (wildcardAt === undefined) return { range: points([prefix]), exact: true, test };
  const onlyPrefix = characters.slice(wildcardAt).every((character) => character === "%");
  return { range: between(prefix, false, afterPrefix(prefix), true), exact: onlyPrefix, test };
}
