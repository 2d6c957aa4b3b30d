/**
 * A regular expression for a path pattern: `*` and `?` within one part, `**` over parts, `[abc]`, `[!a-z]`.
 */
export function globPattern(pattern: string): RegExp {
  let text = "";
  for (let i = 0; i < pattern.length; i++) {
    const rest = pattern.slice(i);
    const set = /^\[(!?)([^\]/]+)\]/.exec(rest);
    if (rest.startsWith("**/")) {
      text += "(?:[^/]+/)*";
      i += 2;
    } else if (rest.startsWith("**")) {
      text += ".*";
      i += 1;
    } else if (rest[0] === "*") text += "[^/]*";
    else if (rest[0] === "?") text += "[^/]";
    else if (set !== null) {
      text += `[${set[1] === "!" ? "^" : ""}${set[2]!.replaceAll("\\", "\\\\")}]`;
      i += set[0].length - 1;
    } else text += rest[0]!.replace(/[.*+?^${}()|[\]\\]/, "\\$&");
  }
  return new RegExp(`^${text}$`, "su");
}

/** The part of a pattern before its first special sign: what a listing starts at. */
export function globPrefix(pattern: string): string {
  const special = pattern.search(/[*?[]/);
  return special < 0 ? pattern : pattern.slice(0, special);
}
