/**
 * ahash's portable algorithm (0.8, without AES) with the seeds that `bucket` is defined by (spec chapter 03), on
 * 32-bit limbs: `hash_one` of Rust's primitive types. Checked against vectors of the crate itself
 * (`vectors/ahash.json`). The results place data, so they never change.
 */

/** A 64-bit hash as two unsigned 32-bit halves. Reused between calls: read it before hashing again. */
export interface Hash64 {
  hi: number;
  lo: number;
}

// The seeds 0x53, 0x50, 0x49, 0x4345, each combined with the crate's constant.
const padHi = 0x452821e6;
const padLo = 0x38d01377 ^ 0x53;
const bufferHi = 0xbe5466cf;
const bufferLo = (0x34e90c6c ^ 0x50) >>> 0;
const key0Hi = 0xc0ac29b7;
const key0Lo = (0xc97c50dd ^ 0x49) >>> 0;
const key1Hi = 0x3f84d5b5;
const key1Lo = (0xb5470917 ^ 0x4345) >>> 0;
// 6364136223846793005
const multipleHi = 0x5851f42d;
const multipleLo = 0x4c957f2d;

const two32 = 4_294_967_296;
const out: Hash64 = { hi: 0, lo: 0 };

/** Upper half of the product of two unsigned 32-bit integers, given its lower half. Exact: see the rounding. */
function upper(a: number, b: number, lower: number): number {
  // The double product is off by at most 2^10, so after division by 2^32 rounding finds the integer.
  return Math.round((a * b - lower) / two32);
}

/** `lo64(a * b) ^ hi64(a * b)` into `out`. */
function fold(aHi: number, aLo: number, bHi: number, bLo: number): void {
  const ll = Math.imul(aLo, bLo) >>> 0;
  const llUp = upper(aLo, bLo, ll);
  const lh = Math.imul(aLo, bHi) >>> 0;
  const lhUp = upper(aLo, bHi, lh);
  const hl = Math.imul(aHi, bLo) >>> 0;
  const hlUp = upper(aHi, bLo, hl);
  const hh = Math.imul(aHi, bHi) >>> 0;
  const hhUp = upper(aHi, bHi, hh);
  const word1 = llUp + lh + hl;
  const word2 = lhUp + hlUp + hh + Math.floor(word1 / two32);
  const word3 = hhUp + Math.floor(word2 / two32);
  out.lo = (ll ^ word2) >>> 0;
  out.hi = (word1 ^ word3) >>> 0;
}

function finish(): Hash64 {
  const rotate = out.lo & 63;
  fold(out.hi, out.lo, padHi, padLo);
  rotateLeft(rotate);
  return out;
}

function rotateLeft(count: number): void {
  const { hi, lo } = out;
  const shift = count & 31;
  const [h, l] = count >= 32 ? [lo, hi] : [hi, lo];
  if (shift === 0) {
    out.hi = h;
    out.lo = l;
  } else {
    out.hi = ((h << shift) | (l >>> (32 - shift))) >>> 0;
    out.lo = ((l << shift) | (h >>> (32 - shift))) >>> 0;
  }
}

/** An integer of up to 64 bits, a float's bits or a boolean, zero-extended from its own width. */
export function hashU64(hi: number, lo: number): Hash64 {
  fold((hi ^ bufferHi) >>> 0, (lo ^ bufferLo) >>> 0, multipleHi, multipleLo);
  return finish();
}

/** A 128-bit integer (also a decimal's unscaled value), in two's complement: four words, the lowest first. */
export function hashU128(w0: number, w1: number, w2: number, w3: number): Hash64 {
  out.hi = bufferHi;
  out.lo = bufferLo;
  largeUpdate(w1, w0, w3, w2);
  return finish();
}

/** A Rust `str`: its UTF-8 bytes, then the byte 0xff. */
export function hashString(utf8: Uint8Array, length: number = utf8.length): Hash64 {
  out.hi = bufferHi;
  out.lo = bufferLo;
  write(utf8, length);
  fold(out.hi, (out.lo ^ 0xff) >>> 0, multipleHi, multipleLo);
  return finish();
}

/** A Rust `[u8]`: its length, then its bytes. */
export function hashBytes(bytes: Uint8Array): Hash64 {
  fold(bufferHi, (bufferLo ^ bytes.length) >>> 0, multipleHi, multipleLo);
  write(bytes, bytes.length);
  return finish();
}

/** `hash mod n` for an `n` up to 1,000,000. */
export function hashModulo(hash: Hash64, n: number): number {
  return ((hash.hi % n) * (two32 % n) + (hash.lo % n)) % n;
}

function largeUpdate(loHi: number, loLo: number, hiHi: number, hiLo: number): void {
  const low = out.lo + padLo;
  const bufLo = low >>> 0;
  const bufHi = (out.hi + padHi + (low >= two32 ? 1 : 0)) >>> 0;
  fold((loHi ^ key0Hi) >>> 0, (loLo ^ key0Lo) >>> 0, (hiHi ^ key1Hi) >>> 0, (hiLo ^ key1Lo) >>> 0);
  out.hi = (out.hi ^ bufHi) >>> 0;
  out.lo = (out.lo ^ bufLo) >>> 0;
  rotateLeft(23);
}

function write(data: Uint8Array, length: number): void {
  // buffer = (buffer + length) * MULTIPLE, wrapping
  const low = out.lo + length;
  const sumLo = low >>> 0;
  const sumHi = (out.hi + (low >= two32 ? 1 : 0)) >>> 0;
  const ll = Math.imul(sumLo, multipleLo) >>> 0;
  out.hi = (upper(sumLo, multipleLo, ll) + Math.imul(sumLo, multipleHi) + Math.imul(sumHi, multipleLo)) >>> 0;
  out.lo = ll;
  if (length > 16) {
    block(data, length - 16);
    let offset = 0;
    for (; length - offset > 16; offset += 16) block(data, offset);
  } else if (length > 8) {
    largeUpdate(word(data, 4), word(data, 0), word(data, length - 4), word(data, length - 8));
  } else if (length >= 4) {
    largeUpdate(0, word(data, 0), 0, word(data, length - 4));
  } else if (length >= 2) {
    largeUpdate(0, data[0]! | (data[1]! << 8), 0, data[length - 1]!);
  } else {
    const only = length === 1 ? data[0]! : 0;
    largeUpdate(0, only, 0, only);
  }
}

function block(data: Uint8Array, at: number): void {
  largeUpdate(word(data, at + 4), word(data, at), word(data, at + 12), word(data, at + 8));
}

function word(data: Uint8Array, at: number): number {
  return (data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)) >>> 0;
}
