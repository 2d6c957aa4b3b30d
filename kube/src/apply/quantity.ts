const binary: Record<string, bigint> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const decimal: Record<string, number> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const form = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,2})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]))?$/;
/** Digits kept after the point: more than the nano that the API server rounds to. */
const scale = 24;

/** A resource quantity (`500m`, `1.5Gi`, `1e3`, 2) as an exact multiple of 10^-24; `undefined` if it is none. */
export function parseQuantity(value: unknown): bigint | undefined {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign, number = "", exponent, suffix = ""] = match;
  const [whole = "", fraction = ""] = number.split(".");
  const factor = binary[suffix];
  const power =
    exponent !== undefined ? Number(exponent.slice(1)) : factor === undefined ? decimal[suffix]! : 0;
  const shift = scale + power - fraction.length;
  let amount = BigInt(whole + fraction || "0") * (factor ?? 1n);
  amount = shift >= 0 ? amount * 10n ** BigInt(shift) : amount / 10n ** BigInt(-shift);
  return sign === "-" ? -amount : amount;
}

/** Whether two values are the same quantity, however written. */
export function sameQuantity(a: unknown, b: unknown): boolean {
  const left = parseQuantity(a);
  return left !== undefined && left === parseQuantity(b);
}
