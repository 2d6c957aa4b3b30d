import { expect, test } from "@jest/globals";
import { spicepodDigest } from "./digest.ts";
import { generationOf } from "./model.ts";
import { fullTableName, sameColumn } from "./names.ts";

test("the digest is SHA-256 of the text as UTF-8", () => {
  expect(spicepodDigest("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(spicepodDigest("ü")).not.toBe(spicepodDigest("u"));
});

test("the generation is a number or a text of one", () => {
  expect(generationOf({ metadata: { generation: 12 } })).toBe(12);
  expect(generationOf({ metadata: { generation: "12" } })).toBe(12);
  expect(generationOf({ metadata: {} })).toBeUndefined();
});

test("names are completed by catalog and schema", () => {
  expect(fullTableName("sales")).toBe("spice.public.sales");
  expect(fullTableName("eu.sales")).toBe("spice.eu.sales");
  expect(fullTableName("a.b.c")).toBe("a.b.c");
  expect(sameColumn("Region", "region")).toBe(true);
});
