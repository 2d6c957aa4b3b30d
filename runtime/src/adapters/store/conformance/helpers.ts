import assert from "node:assert/strict";
import type { ObjectStore, PutOutcome, StoredObject } from "../../../ports/object-store.ts";

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(object: StoredObject | Uint8Array | undefined): string | undefined {
  if (object === undefined) return undefined;
  return new TextDecoder().decode(object instanceof Uint8Array ? object : object.body);
}

/** Create or replace an object; gives its ETag. */
export async function write(store: ObjectStore, key: string, body: string | Uint8Array): Promise<string> {
  const outcome = await store.put(key, typeof body === "string" ? bytes(body) : body, { kind: "any" });
  return etagOf(outcome);
}

export function etagOf(outcome: PutOutcome): string {
  assert.equal(outcome.kind, "written");
  const { etag } = outcome as { etag: string };
  assert.notEqual(etag, "", "a written object has an ETag");
  return etag;
}

export async function keysBelow(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const object of store.list(prefix)) keys.push(object.key);
  return keys;
}

/** A prime number of bytes with no shorter period, so that a part that is swapped, repeated or shifted shows. */
const tile = Uint8Array.from({ length: 65_521 }, (_, i) => Math.imul(i + 1, 2_654_435_761) >>> 24);

/** `length` bytes of the endless repetition of one tile, from `offset` on. */
export function pattern(length: number, offset = 0): Uint8Array {
  const body = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const from = (offset + at) % tile.length;
    const piece = tile.subarray(from, from + Math.min(tile.length - from, length - at));
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

export function assertSameBytes(actual: Uint8Array | undefined, expected: Uint8Array, what: string): void {
  assert.ok(actual !== undefined, `${what}: there is no object`);
  assert.equal(actual.length, expected.length, `${what}: length`);
  assert.ok(Buffer.from(actual).equals(Buffer.from(expected)), `${what}: content`);
}
