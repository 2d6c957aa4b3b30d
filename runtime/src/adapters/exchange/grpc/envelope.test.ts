import { describe, expect, test } from "@jest/globals";
import type { FragmentRequest } from "../../../ports/exchange.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";

describe("the envelope of a fragment", () => {
  const request: FragmentRequest = {
    protocol: 1,
    queryId: "query",
    fragmentId: "fragment",
    sql: "SELECT 1 AS a",
    scans: [{ name: "t", table: "t", revision: 1, partitions: [{ key: "x", epoch: 1, version: 1 }] }],
    inlineRows: 3,
    statsWithFrame: true,
    recordBatches: true,
    columns: [{ name: "a", type: "INTEGER" }],
    deadlineMs: 1_000,
    trace: "00",
  };

  test("arrives as it was sent, with fields that this node does not know", () => {
    expect(decodeEnvelope(encodeEnvelope(request))).toEqual(request);
    const newer = { ...request, later: ["x"] };
    expect(decodeEnvelope(encodeEnvelope(newer))).toEqual(newer);
  });

  test.each([
    ["recordBatches", "yes"],
    ["inlineRows", 1.5],
    ["statsWithFrame", 1],
    ["columns", [{ name: "a" }]],
    ["sql", undefined],
  ])("is refused when %s is %j", (field, value) => {
    const bytes = Buffer.from(JSON.stringify({ ...request, [field]: value }));
    expect(() => decodeEnvelope(bytes)).toThrow(/lacks a field or has one of a wrong type/);
  });
});
