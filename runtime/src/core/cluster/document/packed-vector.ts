/** A vector of unsigned integers as it stands in an assignment object: `base + code`, `bits` bits per code. */
export interface PackedVector {
  readonly base: number;
  /** 0 … 32; with 0 every element is `base` and `data` is empty. */
  readonly bits: number;
  /** Base64 of the codes, least significant bit first, padded with zero bits to whole bytes. */
  readonly data: string;
}

/** Pack `values` (integers ≥ 0 that span less than 2³²) with as few bits as their span needs. */
export function packVector(values: ArrayLike<number>): PackedVector {
  const count = values.length;
  if (count === 0) return { base: 0, bits: 0, data: "" };
  let base = values[0]!;
  let top = base;
  for (let i = 1; i < count; i += 1) {
    const value = values[i]!;
    if (value < base) base = value;
    else if (value > top) top = value;
  }
  const bits = bitsFor(top - base);
  if (bits > 32) throw new RangeError(`packVector: values span ${top - base}, more than 32 bits`);
  const bytes = Buffer.alloc(Math.ceil((count * bits) / 8));
  // `hold` never has more than 7 + 32 bits: arithmetic, not bit operators, keeps it exact.
  let hold = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    hold += (values[i]! - base) * POWERS[held]!;
    held += bits;
    while (held >= 8) {
      bytes[at] = hold & 255;
      at += 1;
      hold = Math.floor(hold / 256);
      held -= 8;
    }
  }
  if (held > 0) bytes[at] = hold & 255;
  return { base, bits, data: bytes.toString("base64") };
}

/** The inverse of {@link packVector}. Throws a RangeError when the data does not hold `count` codes. */
export function unpackVector(packed: PackedVector, count: number): Uint32Array {
  const { base, bits } = packed;
  const values = new Uint32Array(count);
  if (!Number.isInteger(bits) || bits < 0 || bits > 32) throw new RangeError(`bits is ${bits}, not 0 … 32`);
  if (bits === 0) return values.fill(base);
  const bytes = Buffer.from(packed.data, "base64");
  if (bytes.length !== Math.ceil((count * bits) / 8)) {
    throw new RangeError(`${bytes.length} bytes cannot hold ${count} codes of ${bits} bits`);
  }
  const span = POWERS[bits]!;
  let hold = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    while (held < bits) {
      hold += bytes[at]! * POWERS[held]!;
      at += 1;
      held += 8;
    }
    const rest = Math.floor(hold / span);
    values[i] = base + (hold - rest * span);
    hold = rest;
    held -= bits;
  }
  return values;
}

const POWERS = Array.from({ length: 48 }, (_, i) => 2 ** i);

function bitsFor(span: number): number {
  let bits = 0;
  while (POWERS[bits]! <= span) bits += 1;
  return bits;
}
