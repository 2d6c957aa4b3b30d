import { expect, test } from "@jest/globals";
import { openStore } from "./open.ts";
import { parseS3Config } from "./s3-params.ts";

test("locations are normal: a slash at the end, none doubled", async () => {
  for (const [url, location] of [
    ["s3://bucket", "s3://bucket/"],
    ["s3://bucket/a/b", "s3://bucket/a/b/"],
    ["S3://bucket//a/b//", "s3://bucket/a/b/"],
    ["file:///var/lib/spice", "file:///var/lib/spice/"],
    ["file:///var/lib/with%20space/", "file:///var/lib/with space/"],
  ] as const) {
    const store = openStore(url, {});
    expect(store.location).toBe(location);
    await store.close();
  }
});

test.each([
  ["gs://bucket/x", "gs:// is not available in this version; use s3:// or file://"],
  ["abfs://c@a/x", "abfs:// is not available in this version; use s3:// or file://"],
  ["abfss://c@a/x", "abfss:// is not available in this version; use s3:// or file://"],
  ["ftp://host/x", "unknown scheme ftp://; supported are s3:// and file://"],
  ["/var/lib/spice", "no scheme; supported are s3:// and file://"],
  ["s3:///prefix", "has no valid bucket; write s3://bucket/prefix/"],
  ["file://host/dir", "write file:///directory/, with an absolute path"],
  ["file:///dir?x", "write file:///directory/, with an absolute path"],
])("%s is refused", (url, message) => {
  expect(() => openStore(url)).toThrow(message);
});

test("a file store takes no parameters", () => {
  expect(() => openStore("file:///dir", { region: "x" })).toThrow(
    "file:// takes no parameters, but has region",
  );
});

test("the parameters of S3, with and without the prefix s3_", () => {
  expect(parseS3Config("s3://bucket/a/", {}, {})).toEqual({
    bucket: "bucket",
    prefix: "a/",
    region: "us-east-1",
  });
  expect(parseS3Config("s3://bucket", { auth: "iam_role" }, { AWS_REGION: "eu-west-1" }).region).toBe(
    "eu-west-1",
  );
  expect(
    parseS3Config(
      "s3://bucket",
      {
        s3_region: "r",
        s3_endpoint: "http://h:1",
        s3_auth: "key",
        s3_key: "k",
        secret: "s",
        session_token: "t",
      },
      {},
    ),
  ).toEqual({
    bucket: "bucket",
    prefix: "",
    region: "r",
    endpoint: "http://h:1",
    credentials: { accessKeyId: "k", secretAccessKey: "s", sessionToken: "t" },
  });
  expect(parseS3Config("s3://bucket", { key: "k", secret: "s" }, {}).credentials).toBeDefined();
});

test("all problems of the parameters are told at once, and no secret among them", () => {
  const params = { regoin: "x", key: "k", s3_key: "kk", endpoint: "host:9000", auth: "key", secret: "" };
  expect(() => parseS3Config("s3://b!/", params, {})).toThrow(
    "Object store s3://b!/: s3://b!/ has no valid bucket; write s3://bucket/prefix/; unknown parameter regoin; " +
      "known are region, endpoint, auth, key, secret, session_token, also with the prefix s3_; key is given twice, " +
      'with and without the prefix s3_; auth: key needs the parameter secret; endpoint is "host:9000"; it must be ' +
      "an http:// or https:// URL",
  );
  expect(() => parseS3Config("s3://bucket", { auth: "iam_role", secret: "hush" }, {})).toThrow(
    "secret has no effect with auth: iam_role",
  );
  expect(() => parseS3Config("s3://bucket", { auth: "kerberos" }, {})).toThrow(
    'auth is "kerberos"; it may be iam_role or key',
  );
});
