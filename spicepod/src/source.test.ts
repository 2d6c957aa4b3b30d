import { describe, expect, test } from "@jest/globals";
import { parseSource } from "./source.ts";

describe("source", () => {
  test.each([
    ["postgres:public.events", { kind: "postgres", schema: "public", table: "events" }],
    ["postgres:events", { kind: "postgres", schema: "public", table: "events" }],
    ['postgres:"My Schema"."a.b"', { kind: "postgres", schema: "My Schema", table: "a.b" }],
    ["s3://bucket/path/*.parquet", { kind: "object", scheme: "s3", bucket: "bucket", key: "path/*.parquet" }],
    ["s3://bucket", { kind: "object", scheme: "s3", bucket: "bucket", key: "" }],
    ["abfs://box@account/x/", { kind: "object", scheme: "abfs", bucket: "box@account", key: "x/" }],
    ["https://host/a.csv", { kind: "object", scheme: "https", bucket: "host", key: "a.csv" }],
    ["file:data/*.parquet", { kind: "file", path: "data/*.parquet" }],
    ["file:/abs/x.csv", { kind: "file", path: "/abs/x.csv" }],
    ["file:///abs/x.csv", { kind: "file", path: "/abs/x.csv" }],
    ["duckdb:my.db", { kind: "duckdb", reference: "my.db" }],
    ["iceberg:https://catalog/v1", { kind: "iceberg", reference: "https://catalog/v1" }],
  ])("%s", (text, parts) => {
    expect(parseSource(text)).toEqual({ source: { ...parts, text } });
  });

  test.each([
    ["data/x.parquet", "file:data/x.parquet"],
    ["file://data/x.parquet", "file:data/x.parquet"],
    ["postgre:public.events", "postgres:public.events"],
    ["postgresql:public.events", "postgres:public.events"],
    ["s4://bucket/x", "s3://bucket/x"],
    ["postgres:a.b.c", undefined],
    ["postgres:", undefined],
    ["postgres:bad name", undefined],
    ["s3:bucket/x", undefined],
    ["s3://", undefined],
    ["s3://user:pass@bucket/x", undefined],
    ["file:", undefined],
    ["sqlite: ", undefined],
    ["kafka:topic", undefined],
    ["", undefined],
  ])("%j is refused; meant was %j", (text, suggestion) => {
    const parsed = parseSource(text);
    expect(parsed).not.toHaveProperty("source");
    expect("problem" in parsed ? parsed.problem.suggestion : "none").toBe(suggestion);
  });
});
