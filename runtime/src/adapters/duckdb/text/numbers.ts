/** The shortest text that reads back as the same number; `NaN`, `Infinity` and `-0` included. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** A text of at most nine digits that reads back as the same single-precision number. */
export function floatText(value: number): string {
  if (Number.isInteger(value) || !Number.isFinite(value)) return doubleText(value);
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return String(candidate);
  }
  return String(Number(value.toPrecision(9)));
}

/** A decimal's unscaled value with its point. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** True when every JSON reader gets this decimal back unchanged from a JSON number. */
export function isExactNumber(unscaled: bigint, scale: number): boolean {
  // A fraction survives a double when it has at most 15 significant digits.
  const limit = scale === 0 ? 9_007_199_254_740_991n : 999_999_999_999_999n;
  return unscaled <= limit && unscaled >= -limit;
}
