function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** A JSON merge patch (RFC 7396). */
export function merge(into: unknown, patch: unknown): unknown {
  if (!isMap(into) || !isMap(patch)) return patch;
  const result: Record<string, unknown> = { ...into };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value);
  }
  return result;
}

/** `present` without the fields that `before` had and `now` has not. */
export function without(present: unknown, before: unknown, now: unknown): unknown {
  if (!isMap(present) || !isMap(before)) return present;
  const result: Record<string, unknown> = { ...present };
  for (const [name, value] of Object.entries(before)) {
    const kept = isMap(now) ? now[name] : undefined;
    if (kept === undefined && !isMap(value)) delete result[name];
    else if (name in result) {
      const left = without(result[name], value, kept);
      // A map of which nothing is left goes as well.
      if (kept === undefined && isMap(left) && Object.keys(left).length === 0) delete result[name];
      else result[name] = left;
    }
  }
  return result;
}
