import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { redacted } from "../../observe/redact.ts";
import { redactText } from "./redact-text.ts";
import { Redaction } from "./redaction.ts";
import { isSecretName } from "./secret-name.ts";

const runs = { numRuns: 300 };
/** Anything that can be typed; the mark at its front keeps it from being a common word. */
const printable = fc
  .string({ unit: "grapheme-ascii", minLength: 6, maxLength: 30 })
  .map((text) => `pl4nt${text}`.trim());
/** A value that needs no quotes anywhere. */
const word = fc.stringMatching(/^[A-Za-z0-9+/=_.~:,!*-]{6,30}$/).map((text) => `pl4nt${text}`);
const secretName = fc.constantFrom(
  "password",
  "PGPASSWORD",
  "pg_pass",
  "DB_PASS",
  "s3_secret",
  "secret",
  "s3_key",
  "AWS_SECRET_ACCESS_KEY",
  "session_token",
  "apiKey",
  "azure_access_key",
  "gcs_service_account",
  "connection-string",
);

describe("values that are known", () => {
  test("are gone from any text, in any usual spelling", () => {
    fc.assert(
      fc.property(fc.array(printable, { minLength: 1, maxLength: 5 }), fc.lorem(), (secrets, prose) => {
        const redaction = new Redaction();
        for (const secret of secrets) redaction.addSecret(secret);
        for (const secret of secrets) {
          const spellings = [
            secret,
            JSON.stringify({ secret }),
            encodeURIComponent(secret),
            Buffer.from(secret).toString("base64"),
          ];
          const clean = redaction.text(spellings.map((each) => `${prose} ${each} ${prose}`).join("\n"));
          for (const each of [secret, ...spellings.slice(2)]) expect(clean).not.toContain(each);
          expect(
            JSON.stringify(redaction.json({ [prose]: [secret, { deep: prose + secret }] })),
          ).not.toContain(JSON.stringify(secret).slice(1, -1));
        }
      }),
      runs,
    );
  });

  test("of several lines are gone line by line, and with the end of a line that a Secret often has", () => {
    const redaction = new Redaction();
    redaction.addSecret("first-line-1\nsecond-line-2\n");
    redaction.addSecret("hunter2\n");
    redaction.addSecret("12345678");
    expect(redaction.text("a first-line-1 b\nc second-line-2 d hunter2.")).toBe(
      `a ${redacted} b\nc ${redacted} d ${redacted}.`,
    );
    expect(redaction.text(Buffer.from("hunter2\n").toString("base64"))).toBe(redacted);
    expect(redaction.json({ port: 12345678 })).toEqual({ port: redacted });
  });
});

describe("values that nobody knows", () => {
  const places: readonly [string, (name: string, value: string) => string][] = [
    ["a YAML line", (name, value) => `params:\n  ${name}: ${value}\n  s3_region: here`],
    ["a YAML flow mapping", (name, value) => `params: { ${name}: ${value} , s3_region: here }`],
    ["a block scalar", (name, value) => `a:\n  ${name}: |\n    ${value}\n    ${value}\n  b: here`],
    ["an environment file", (name, value) => `A=1\n${name}=${value}\nB=here`],
    ["a flag", (name, value) => `run --${name}=${value} here`],
    ["prose", (name, value) => `connect host=db ${name}=${value} failed here`],
    ["a URL", (_name, value) => `at postgresql://me:${encodeURIComponent(value)}@db:5432/x here`],
    ["a header", (_name, value) => `authorization: Bearer ${value}\nhere`],
    ["an environment", (name, value) => `- name: ${name}\n  value: ${value}\n- name: here`],
  ];

  test.each(places)("are gone from %s, and nothing else is", (_place, write) => {
    fc.assert(
      fc.property(secretName, word, (name, value) => {
        const clean = redactText(write(name, value));
        expect(clean).not.toContain(value);
        expect(clean).toContain("here");
      }),
      runs,
    );
  });

  const quoted: readonly [string, (name: string, value: string) => string][] = [
    ["JSON", (name, value) => JSON.stringify({ [name]: value, b: "here" })],
    [
      "JSON within JSON",
      (name, value) => JSON.stringify({ a: JSON.stringify({ [name]: value, b: "here" }) }),
    ],
    ["a line of YAML", (name, value) => `${name}: '${value.replaceAll("'", "''")}'\nb: here`],
    ["an environment in JSON", (name, value) => JSON.stringify([{ name, value }, { name: "here" }])],
  ];

  test.each(quoted)("are gone from %s, whatever they are made of", (_place, write) => {
    const same = (value: string) => [value, JSON.stringify(value).slice(1, -1), value.replaceAll("'", "''")];
    fc.assert(
      fc.property(secretName, printable, (name, value) => {
        const clean = redactText(write(name, value));
        for (const each of same(value)) expect(clean).not.toContain(each);
      }),
      runs,
    );
  });

  test("are gone from objects: fields, environments, arguments, copies of the object", () => {
    fc.assert(
      fc.property(secretName, printable, (name, value) => {
        const redaction = new Redaction();
        const object = {
          metadata: {
            annotations: {
              "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ [name]: value }),
            },
            managedFields: [{ [name]: value }],
          },
          env: [
            { name, value },
            { name: "REGION", value: "here" },
          ],
          args: [`--${name}`, value, `--${name}=${value.replaceAll(/[\s"]/g, "x")}`],
          params: { [name]: value, list: [{ [name]: [value] }], s3_region: "here" },
          spicepod: { key: value, secret: value },
        };
        const text = JSON.stringify(redaction.json(object));
        expect(text).not.toContain(JSON.stringify(value).slice(1, -1));
        expect(text.match(/here/g)).toHaveLength(2);
      }),
      runs,
    );
  });

  test("private keys are gone, whole or cut", () => {
    const body = ["MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg", "c2VjcmV0c2VjcmV0c2VjcmV0", "oUQDQg=="];
    const pem = ["-----BEGIN PRIVATE KEY-----", ...body, "-----END PRIVATE KEY-----"];
    for (const text of [pem.join("\n"), JSON.stringify(pem.join("\n")), pem.slice(0, 3).join("\n")]) {
      const clean = redactText(`before\n${text}`);
      for (const line of body.slice(0, 2)) expect(clean).not.toContain(line);
      expect(clean).toContain("before");
    }
    const tail = redactText(`${pem.slice(1).join("\n")}\nafter`);
    for (const line of body) expect(tail).not.toContain(line);
    expect(tail).toContain("after");
    const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    expect(redactText(certificate)).toBe(certificate);
  });
});

test("what only refers to a secret stays, and so does what helps", () => {
  const texts = [
    "    s3_secret: $" + "{secrets:s3_secret}",
    "pg_pass: $" + "{env:PG_PASS}",
    'MountVolume.SetUp failed for volume "tls": secret "sales-tls" not found',
    "--node-mtls-key-file /certs/scheduler-key.pem",
    "automountServiceAccountToken: false",
    "secretName: cluster-certs",
    "partition_by: [bucket(4, token_count)]",
    "spiceai_operator_queue_depth 0",
    "https://127.0.0.1:8090/v1/status",
  ];
  for (const text of texts) expect(redactText(text)).toBe(text);
  const objects = {
    volumes: [{ name: "tls", secret: { secretName: "sales-tls", defaultMode: 288 } }],
    env: [{ name: "PG_PASSWORD", valueFrom: { secretKeyRef: { name: "pg", key: "password" } } }],
    imagePullSecrets: [{ name: "regcred" }],
    tolerations: [{ key: "node.kubernetes.io/not-ready", tolerationSeconds: 300 }],
    params: { s3_secret: "$" + "{secrets:s3_secret}" },
  };
  expect(new Redaction().json(objects)).toEqual(objects);
});

test("long texts take time in proportion to their length", () => {
  // Quadratic work on any of these would outlast the test.
  for (const piece of ["a", "=", '"', "token=", "eyJ", "-----END PRIVATE KEY-----", "MIIB ", "a://"]) {
    expect(redactText(`${piece.repeat(2 ** 18 / piece.length)}\nhere`)).toContain("here");
  }
});

test("names of secrets", () => {
  for (const name of ["password", "PG_PASS", "dbPass", "S3_SECRET", "x-api-key", "pg_pwd"])
    expect([name, isSecretName(name)]).toEqual([name, true]);
  for (const name of ["secretName", "keyFile", "passed", "compass", "primary_key", "rootSecretRef", "bypass"])
    expect([name, isSecretName(name)]).toEqual([name, false]);
});
