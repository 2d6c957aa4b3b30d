import { X509Certificate } from "node:crypto";
import { expect } from "@jest/globals";
import { eventually } from "../../../kube/test/support/wait.ts";
import { conditionOf, sales, settled } from "../../support/sales.ts";
import { ofCluster, type Story } from "../../support/story.ts";

const executors = 5;
const leaves = ["sales-scheduler-tls", ...Array.from({ length: 3 }, (_, i) => `sales-executor-${i}-tls`)];

/** Prints the fingerprint of the certificate that a node shows on its internal port. */
const show = (host: string) => `
import { connect } from "node:tls";
const socket = connect({ host: ${JSON.stringify(host)}, port: 50052, rejectUnauthorized: false }, () => {
  console.log(socket.getPeerCertificate().fingerprint256);
  process.exit(0);
});`;

/** Growth and renewals, which no query notices. */
export function certificates(story: Story): void {
  const { data } = story;
  const read = async (secret: string, key: string) => {
    const escaped = key.replace(".", "\\.");
    const text = await data.run("get", `secret/${secret}`, `--output=jsonpath={.data.${escaped}}`);
    return Buffer.from(text, "base64").toString();
  };
  const fingerprint = async (secret: string) =>
    new X509Certificate(await read(secret, "tls.crt")).fingerprint256;

  story.step("it grows to 5 executors while operators are killed, and renews its leaves", async () => {
    const before = await data.podUids(ofCluster);
    const old = await Promise.all(leaves.map(fingerprint));
    const root = await read("sales-scheduler-tls", "ca.crt");
    await data.run("scale", sales, `--replicas=${executors}`);
    await data.run("annotate", sales, "spice.ai/renew-certificates=once");
    await eventually(
      "a fourth executor",
      async () => (await data.run("get", "statefulsets")).includes("executor-3"),
      {
        everyMs: 200,
      },
    );
    await story.killOperators();
    await eventually(
      "new leaves",
      async () => (await Promise.all(leaves.map(fingerprint))).every((leaf) => !old.includes(leaf)),
      { timeoutMs: 120_000, everyMs: 1000 },
    );
    await settled(data, executors);
    const shown = "sales-executor-0-0.sales-executor";
    const program = ["/usr/local/bin/node", "--input-type=module", "--eval", show(shown)];
    await eventually(
      "a node to show its new leaf",
      async () =>
        (await data.run("exec", "client", "--", ...program)).trim() ===
        (await fingerprint("sales-executor-0-tls")),
      { timeoutMs: 150_000, everyMs: 1000 },
    );
    await story.answers("scaled to 5, leaves renewed, operators killed", "none fails");
    expect(await read("sales-scheduler-tls", "ca.crt")).toBe(root);
    expect(await data.podUids(ofCluster)).toMatchObject(before);
  });

  story.step("the root is rotated while its nodes run, and while operators are killed", async () => {
    const before = await data.podUids(ofCluster);
    const old = await read("sales-executor-0-tls", "ca.crt");
    await data.run("annotate", sales, "spice.ai/rotate-root=once");
    await eventually(
      "the rotation to begin",
      async () => (await conditionOf(data, "CertificatesReady"))?.reason === "RootRotation",
      { everyMs: 200 },
    );
    await story.killOperators();
    await eventually(
      "another root alone to be trusted",
      async () => {
        const now = await read("sales-executor-0-tls", "ca.crt");
        return !now.includes(old.trim()) && now.split("BEGIN CERTIFICATE").length === 2;
      },
      { timeoutMs: 280_000, everyMs: 1000 },
    );
    await settled(data, executors);
    await story.answers("root rotated, operators killed", "none fails");
    expect(await data.podUids(ofCluster)).toEqual(before);
  });
}
