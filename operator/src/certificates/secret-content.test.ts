import { expect, test } from "@jest/globals";
import { createRoot } from "@spice-shards/certificates";
import type { RootContent } from "./root-content.ts";
import { decodeLeaf, decodeRoot, encodeRoot } from "./secret-content.ts";

const time = { nowMs: Date.parse("2030-01-01T00:00:00Z"), validMs: 1e10 };
const [one, two] = [await createRoot("one", time), await createRoot("two", time)];
const base64 = (text: string) => Buffer.from(text).toString("base64");

test.each<RootContent>([
  { phase: "stable", signer: one, next: undefined, previous: [], answeredRequest: undefined },
  { phase: "trust", signer: one, next: two, previous: [], answeredRequest: "a" },
  { phase: "trust", signer: undefined, next: two, previous: [one.certificate], answeredRequest: "a" },
  { phase: "reissue", signer: two, next: undefined, previous: [one.certificate], answeredRequest: "a" },
  { phase: "retire", signer: two, next: undefined, previous: [one.certificate], answeredRequest: "a" },
])("a root's Secret holds all of a rotation's progress: %#", (content) => {
  expect(decodeRoot(encodeRoot(content))).toEqual(content);
});

const stable = encodeRoot({
  phase: "stable",
  signer: one,
  next: undefined,
  previous: [],
  answeredRequest: undefined,
});

test.each([
  [{ data: {}, annotations: {} }, "there is no tls.crt"],
  [{ ...stable, data: { "tls.crt": stable.data["tls.crt"] ?? "" } }, "there is no tls.key"],
  [{ ...stable, data: { ...stable.data, "tls.key": base64(two.key) } }, "tls.key is not the key of tls.crt"],
  [
    { ...stable, data: { ...stable.data, "tls.key": base64("SECRET WORDS") } },
    "tls.key cannot be read as PEM",
  ],
  [
    { ...stable, annotations: { "spice.ai/rotation-phase": "later" } },
    "annotation spice.ai/rotation-phase is no phase",
  ],
  [
    { ...stable, annotations: { "spice.ai/rotation-phase": "trust" } },
    "the phase trust does not go with its certificates",
  ],
])("what is no root is told without quoting it: %#", (content, message) => {
  expect(() => decodeRoot(content)).toThrow(message);
});

test("a leaf that cannot be used is as good as none", () => {
  const pair = { "tls.crt": base64(one.certificate), "tls.key": base64(one.key) };
  const data = { ...pair, "ca.crt": base64(one.certificate) };
  expect(decodeLeaf({ data, annotations: {} })).toEqual({
    ...one,
    bundle: one.certificate,
    answeredRequest: undefined,
  });
  for (const broken of [pair, { ...data, "tls.key": base64(two.key) }, { ...data, "tls.crt": "" }])
    expect(decodeLeaf({ data: broken, annotations: {} })).toBeUndefined();
});
