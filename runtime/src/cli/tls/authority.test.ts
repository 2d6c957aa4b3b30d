import { X509Certificate } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createAuthority, issueNode } from "./authority.ts";

test("a CA signs nodes that carry their names", async () => {
  const now = Date.parse("2030-01-01T00:00:00Z");
  const ca = await createAuthority(now);
  const names = { name: "exec-1", hosts: ["exec.example.com", "10.0.0.7"], roleName: "executor.sales.prod" };
  const node = await issueNode(ca, names, now);
  const root = new X509Certificate(ca.certificate);
  const leaf = new X509Certificate(node.certificate);
  expect(root.ca).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.verify(root.publicKey)).toBe(true);
  expect(leaf.checkIssued(root)).toBe(true);
  expect(leaf.subject).toBe("CN=exec-1");
  expect(leaf.subjectAltName).toBe(
    "DNS:exec.example.com, IP Address:10.0.0.7, DNS:localhost, IP Address:127.0.0.1, DNS:executor.sales.prod",
  );
  expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  expect(Date.parse(leaf.validTo) - now).toBe(365 * 86_400_000);
  expect(Date.parse(root.validTo) - now).toBe(3650 * 86_400_000);
  const other = new X509Certificate((await issueNode(ca, names, now)).certificate);
  expect(other.serialNumber).not.toBe(leaf.serialNumber);
});
