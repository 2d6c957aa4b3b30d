/** Values as plain data: Arrow's vectors, rows and buffers unwrapped. */
export function plainValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (value instanceof Uint32Array) {
    // 128 bits of a decimal.
    const [a, b, c, d] = [...value].map(BigInt);
    return BigInt.asIntN(128, a! | (b! << 32n) | (c! << 64n) | (d! << 96n));
  }
  if (value instanceof Int32Array) {
    const [months, days, low, high] = value;
    return [months, days, (BigInt(high!) << 32n) | BigInt(low! >>> 0)];
  }
  const { toJSON } = value as { toJSON?: () => unknown };
  if (typeof toJSON === "function") {
    const json = toJSON.call(value);
    if (Array.isArray(json)) return json.map(plainValue);
    return Object.fromEntries(Object.entries(json as object).map(([key, inner]) => [key, plainValue(inner)]));
  }
  return value;
}
