import { createPrivateKey, X509Certificate } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createRoot, issueLeaf } from "./authority.ts";
import { certificateFacts, readBundle } from "./facts.ts";

const day = 86_400_000;
const nowMs = Date.parse("2030-01-01T00:00:00Z");

test("a root signs leaves with hosts and URIs in order", async () => {
  const root = await createRoot("sales.data", { nowMs, validMs: 100 * day });
  const names = {
    commonName: "sales-executor-0",
    hosts: ["a.example", "10.0.0.7", "a.example"],
    uris: ["spiffe://data/sales/executor/0"],
  };
  const pair = await issueLeaf(root, names, { nowMs, validMs: 10 * day });
  const [issuer, leaf] = [new X509Certificate(root.certificate), new X509Certificate(pair.certificate)];
  expect(issuer.subject).toBe("CN=sales.data");
  expect(leaf.verify(issuer.publicKey)).toBe(true);
  expect(leaf.checkIssued(issuer)).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  expect(leaf.subjectAltName).toBe("DNS:a.example, IP Address:10.0.0.7, URI:spiffe://data/sales/executor/0");
  expect(leaf.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
  expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
});

test("a leaf does not outlive its root", async () => {
  const root = await createRoot("short", { nowMs, validMs: 5 * day });
  const leaf = await issueLeaf(root, { commonName: "x", hosts: ["x"] }, { nowMs, validMs: 90 * day });
  expect(certificateFacts(leaf.certificate).notAfterMs).toBe(nowMs + 5 * day);
});

test("facts and bundles are read from PEM", async () => {
  const [one, two] = [
    await createRoot("one", { nowMs, validMs: day }),
    await createRoot("two", { nowMs, validMs: day }),
  ];
  expect(readBundle(`comment\n${one.certificate}${two.certificate}`)).toEqual([
    one.certificate,
    two.certificate,
  ]);
  expect(readBundle("none")).toEqual([]);
  const facts = certificateFacts(one.certificate);
  expect(facts.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(facts.sha256).not.toBe(certificateFacts(two.certificate).sha256);
  expect(facts.notBeforeMs).toBe(nowMs - 300_000);
});
