import type { Json } from "../../../src/schema/schema.ts";

/** A step into JSON: the name of a field, or the index of an item. */
export type Path = readonly (string | number)[];

/** The paths of all scalars. */
export function leavesOf(value: unknown, path: Path = []): Path[] {
  if (value === null || typeof value !== "object") return value === undefined ? [] : [path];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, i) => [i, item])
    : Object.entries(value);
  return entries.flatMap(([step, child]) => leavesOf(child, [...path, step]));
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) => (at as Record<string | number, unknown> | undefined)?.[step],
    value,
  );
}

/** A copy with the value at `path` put in place of what was there. */
export function withValue<T>(value: T, path: Path, put: unknown): T {
  const [step, ...rest] = path;
  if (step === undefined) return put as T;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  copy[step] = withValue((value as Record<string | number, unknown> | undefined)?.[step], rest, put);
  return copy as T;
}

/** Another value of the same type. */
export function otherThan(value: Json): Json {
  switch (typeof value) {
    case "boolean":
      return !value;
    case "number":
      return value + 1;
    default:
      return `${String(value)}x`;
  }
}
