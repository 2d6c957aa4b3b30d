import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createAuthority, issueNode } from "../../src/cli/tls/authority.ts";
import { eventually, listening, TestCluster } from "../support/cluster.ts";

describe("a scheduler with TLS on its public port", () => {
  let dir: string;
  let cluster: TestCluster;
  const file = (name: string, end: string) => join(dir, `${name}.${end}`);

  /** Write the pair of `name`, signed by a CA of its own that no node knows. */
  async function publish(name: string): Promise<void> {
    const ca = await createAuthority(Date.now());
    const { certificate, key } = await issueNode(ca, { name, hosts: [] }, Date.now());
    writeFileSync(file("public", "crt"), certificate);
    writeFileSync(file("public", "key"), key);
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    await writeFile(file("t", "csv"), "id,name\n1,a\n2,b\n3,c\n");
    const ca = await createAuthority(Date.now());
    writeFileSync(file("ca", "crt"), ca.certificate);
    for (const name of ["scheduler-0", "executor-0"]) {
      const pair = await issueNode(ca, { name, hosts: ["127.0.0.1"] }, Date.now());
      writeFileSync(file(name, "crt"), pair.certificate);
      writeFileSync(file(name, "key"), pair.key);
    }
    await publish("one");
    cluster = await TestCluster.start({
      executors: 1,
      security: (name) => [
        `--node-mtls-ca-certificate-file=${file("ca", "crt")}`,
        `--node-mtls-certificate-file=${file(name, "crt")}`,
        `--node-mtls-key-file=${file(name, "key")}`,
        ...(name.startsWith("scheduler")
          ? [`--tls-certificate-file=${file("public", "crt")}`, `--tls-key-file=${file("public", "key")}`]
          : []),
      ],
      spicepod: `version: v1
kind: Spicepod
name: public-tls
runtime:
  scheduler:
    state_location: "STATE"
datasets:
  - from: file:${file("t", "csv")}
    name: t
    acceleration: { engine: arrow, partition_by: ["bucket(2, id)"] }
`,
    });
  });

  afterAll(async () => {
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const ask = async () => {
    const url = `http://${await listening(cluster.executors[0]!, "http")}/v1/sql`;
    const response = await fetch(url, { method: "POST", body: "SELECT sum(id) AS s FROM t" });
    return { status: response.status, text: await response.text() };
  };

  test("answers what an executor passes on, also after its certificate was replaced", async () => {
    const right = { status: 200, text: '[{"s":6}]' };
    await eventually(async () => {
      expect(await ask()).toEqual(right);
      return true;
    });
    await publish("two");
    await cluster.schedulers[0]!.line((l) => l.message === "The public certificate was read again");
    expect(await ask()).toEqual(right);
  });
});
