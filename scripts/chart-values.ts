/** The table of the operator chart's values, made from the comments of `values.yaml`. */
import { isMap, isScalar, type Pair, parseDocument } from "yaml";

/** One value of the chart. */
export interface ChartValue {
  /** For example `image.tag`. */
  readonly path: string;
  /** The default, as JSON. */
  readonly standard: string;
  readonly description: string;
}

/** A value without a comment, or a file that is no mapping. */
export class ChartValuesError extends Error {
  override readonly name = "ChartValuesError";
}

/**
 * Every value of a `values.yaml` in its order; the comment above a value describes it.
 * @throws ChartValuesError
 */
export function chartValues(text: string): readonly ChartValue[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new ChartValuesError("values.yaml is no mapping");
  return contents.items.flatMap((pair, i) =>
    valuesOf(pair as Pair, [], i === 0 ? contents.commentBefore : null),
  );
}

function valuesOf(
  { key, value }: Pair,
  above: readonly string[],
  before?: string | null,
): readonly ChartValue[] {
  if (!isScalar(key)) throw new ChartValuesError("a key is no text");
  const path = [...above, String(key.value)];
  const comment = [before, key.commentBefore].filter((text) => typeof text === "string").join("\n");
  const description = comment
    .split("\n")
    .map((line) => line.trim())
    .join(" ")
    .trim();
  if (isMap(value) && value.items.length > 0 && description === "")
    return value.items.flatMap((pair, i) =>
      valuesOf(pair as Pair, path, i === 0 ? value.commentBefore : null),
    );
  if (description === "") throw new ChartValuesError(`${path.join(".")} has no comment`);
  const json = (value as { toJSON(): unknown }).toJSON();
  return [{ path: path.join("."), standard: JSON.stringify(json), description }];
}

/** The rows of the table of values, its head first. */
export function valueRows(values: readonly ChartValue[]): readonly (readonly string[])[] {
  return [
    ["value", "default", "meaning"],
    ...values.map(({ path, standard, description }) => [`\`${path}\``, `\`${standard}\``, description]),
  ];
}
