import { describe, expect, test } from "@jest/globals";
import { negotiate } from "./negotiate.ts";

describe("negotiate", () => {
  test.each([
    [undefined, "json"],
    ["", "json"],
    ["*/*", "json"],
    ["image/png", "json"],
    ["application/json", "json"],
    ["text/csv", "csv"],
    ["TEXT/CSV; charset=utf-8", "csv"],
    ["text/plain", "text"],
    ["application/vnd.spiceai.sql.v1+json", "vendor-json"],
    ["application/vnd.apache.arrow.stream", "arrow"],
    ["image/png, text/csv, application/json", "csv"],
    ["text/html, application/vnd.apache.arrow.stream;q=0.1, text/csv;q=0.9", "arrow"],
    ["text/csv;q=0, text/plain", "text"],
    ["text/csv; q=0.0, */*", "json"],
  ])("%s → %s", (accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });
});
