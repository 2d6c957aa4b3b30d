import type { Place, Problem } from "../problem.ts";
import type { Tree } from "../tree/tree.ts";

/** Names whose values are not to be shown, whatever is wrong with them. */
const secretName =
  /(^|_)(pass\w*|pwd|pas|secret\w*|token|keys?|sas|credentials?|connection_string)"?(\[\d+\])?$/i;
const knownOpen = /(^|\.)(primary_key|api_key)$/;

/** True when the value of the field at `path` may be a secret, judged by the field's name. */
export function looksSecret(path: string): boolean {
  return secretName.test(path.slice(path.lastIndexOf(".") + 1)) && !knownOpen.test(path);
}

/** Collects what is wrong with one file. */
export class Report {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  /** A problem with the value that stands at `tree`; the value is shown unless its name says that it is secret. */
  value(tree: Tree, message: string, more: Partial<Problem> = {}): undefined {
    const shown = looksSecret(tree.path) ? undefined : showValue(tree);
    return this.at(tree, message, { value: shown, ...more });
  }

  /** A problem at a place, with no value to show. */
  at(place: Place, message: string, more: Partial<Problem> = {}): undefined {
    this.problems.push({ ...placeOf(place), ...withoutCredentials({ message, ...more }) });
    return undefined;
  }

  warn(place: Place, message: string): void {
    this.warnings.push({ ...placeOf(place), message });
  }

  /** True when a problem is known at `path`, above it (other than the file itself) or below it. */
  touches(path: string): boolean {
    return this.problems.some(
      (problem) => problem.path !== "" && (isWithin(problem.path, path) || isWithin(path, problem.path)),
    );
  }
}

/** True when `path` is `above` or a field below it. */
export function isWithin(path: string, above: string): boolean {
  return (
    path.startsWith(above) && (path.length === above.length || ".[".includes(path[above.length] as string))
  );
}

function placeOf({ path, line, column }: Place): Place {
  return { path, line, column };
}

/** The texts that are given, with user and password taken out of URLs. */
function withoutCredentials(
  texts: { message: string } & Partial<Problem>,
): { message: string } & Partial<Problem> {
  const given = Object.entries(texts).filter(([, value]) => value !== undefined);
  const masked = given.map(([name, value]) => [
    name,
    typeof value === "string" ? value.replace(/\/\/\S*:\S*@/g, "//[redacted]@") : value,
  ]);
  return { message: texts.message, ...Object.fromEntries(masked) };
}

function showValue(tree: Tree): string | undefined {
  if (tree.kind === "map" || tree.kind === "list") return undefined;
  const text =
    tree.kind === "null" ? "null" : tree.kind === "number" ? tree.text : JSON.stringify(tree.value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
