import { parseDuration, suggestDuration } from "../duration.ts";
import type { Parameters } from "../field/collection.ts";
import { findReferences } from "../secrets/reference.ts";
import { parseSize, suggestSize } from "../size.ts";
import { suggest } from "../suggest.ts";
import type { ParameterSpec } from "./parameter.ts";

/** A wrong parameter: which one and why. Values are repeated only for parameters that are not secret. */
export interface ParameterProblem {
  readonly name: string;
  readonly message: string;
  readonly suggestion?: string;
}

/**
 * Checks parameters against what their reader takes. `reader` completes "is not a parameter of …"; `elsewhere` says
 * where a name that is unknown here belongs, when that is known.
 */
export function checkParameters(
  parameters: Parameters,
  specs: readonly ParameterSpec[],
  reader: string,
  elsewhere: (name: string) => string | undefined = () => undefined,
): readonly ParameterProblem[] {
  const problems: ParameterProblem[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    const spec = specs.find((known) => known.name === name);
    if (spec !== undefined) {
      const wrong = findReferences(value).length > 0 ? undefined : wrongValue(spec, value);
      if (wrong !== undefined) problems.push({ name, ...wrong });
      continue;
    }
    const place = elsewhere(name);
    const names = specs.map((known) => known.name);
    const near = place === undefined ? suggest(name, names) : undefined;
    problems.push({
      name,
      message: place ?? `\`${name}\` is not a parameter of ${reader}.`,
      ...(near === undefined ? {} : { suggestion: near }),
    });
  }
  return problems;
}

function wrongValue(spec: ParameterSpec, value: string): Omit<ParameterProblem, "name"> | undefined {
  const must = (rule: string, suggestion?: string) => ({
    message: `must be ${rule}${spec.secret ? "" : `, found ${JSON.stringify(value)}`}.`,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
  const { type, extensions } = spec;
  if (typeof type === "object") {
    if (type.oneOf.includes(value)) return undefined;
    return must(`one of ${type.oneOf.map((word) => `\`${word}\``).join(", ")}`, suggest(value, type.oneOf));
  }
  switch (type) {
    case "integer":
      return /^\d{1,15}$/.test(value) ? undefined : must("a whole number");
    case "boolean":
      return value === "true" || value === "false" ? undefined : must("`true` or `false`");
    case "duration":
      return parseDuration(value) === undefined
        ? must("a duration such as `10s`", suggestDuration(value))
        : undefined;
    case "size":
      return parseSize(value) === undefined ? must("a size such as `4GiB`", suggestSize(value)) : undefined;
    case "string": {
      if (value === "") return must("given or left out, not empty");
      if (extensions === undefined || extensions.some((end) => value.endsWith(`.${end}`))) return undefined;
      return must(`a file name that ends with ${extensions.map((end) => `\`.${end}\``).join(" or ")}`);
    }
  }
}
