import { describe, expect, test } from "@jest/globals";
import { RunFragmentRequest, RunFragmentResponse } from "@spice-shards/proto";
import * as fc from "fast-check";
import {
  isWholeResult,
  readFragmentMessage,
  writeFragmentMessage,
  writeFragmentRequest,
} from "./fragment-message.ts";

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((b) => ({ $case: "frame" as const, value: Buffer.from(b) })),
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 3_000_000).map((length) => ({
    $case: "frame" as const,
    value: Buffer.alloc(length, 7),
  })),
  fc.uint8Array({ maxLength: 50 }).map((b) => ({ $case: "stats" as const, value: Buffer.from(b) })),
);

describe("messages of a fragment", () => {
  test("are those of the generated code, both ways", () => {
    fc.assert(
      fc.property(payload, (value) => {
        const message: RunFragmentResponse = { payload: value };
        const bytes = writeFragmentMessage(message);
        expect(bytes.equals(RunFragmentResponse.encode(message).finish())).toBe(true);
        const read = readFragmentMessage(bytes).payload;
        expect(read?.$case).toBe(value.$case);
        expect(read?.value.equals(value.value)).toBe(true);
      }),
    );
  });

  test("and requests are what the generated code reads", () => {
    fc.assert(
      fc.property(payload, ({ value: envelope }) => {
        const read = RunFragmentRequest.decode(writeFragmentRequest(envelope));
        expect(read.envelope.equals(envelope)).toBe(true);
      }),
    );
  });

  test("tell a frame with the figures behind it from a frame alone", () => {
    fc.assert(
      fc.property(payload, fc.option(fc.uint8Array({ maxLength: 50 })), (value, stats) => {
        const wholeStats = stats === null ? undefined : Buffer.from(stats);
        const bytes = writeFragmentMessage({ payload: value, ...(wholeStats && { wholeStats }) });
        const read = readFragmentMessage(bytes);
        expect(read.wholeStats).toEqual(wholeStats);
        expect(read.payload?.value.equals(value.value)).toBe(true);
        expect(isWholeResult(bytes)).toBe(value.$case === "frame" && wholeStats !== undefined);
      }),
    );
  });

  test("keep what the generated code makes of fields that are not known", () => {
    const known = writeFragmentMessage({ payload: { $case: "frame", value: Buffer.from("frame") } });
    const newer = Buffer.concat([known, Buffer.from([0x4a, 2, 1, 2])]);
    expect(readFragmentMessage(newer).payload?.value.toString()).toBe("frame");
    expect(readFragmentMessage(Buffer.alloc(0)).payload).toBeUndefined();
    expect(() => readFragmentMessage(known.subarray(0, 4))).toThrow();
  });
});
