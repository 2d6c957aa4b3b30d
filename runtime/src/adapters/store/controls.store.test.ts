import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type S3TestServer, startS3Server } from "../../../test/support/s3-server.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { systemRandom } from "../system/random.ts";
import { type ConformanceTarget, conformanceCases } from "./conformance.ts";
import { openStore } from "./open.ts";
import { proveConditionalWrites } from "./prove.ts";

/** A server that checks a condition and writes in two steps: the suite must not let it pass. */
let server: S3TestServer;
const stores: ObjectStore[] = [];

beforeAll(async () => {
  server = await startS3Server("s3s-fs");
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await server?.stop();
});

function target(folder: string): ConformanceTarget {
  const client = () => {
    const store = openStore(`s3://${server.bucket}/${folder}/`, server.params);
    stores.push(store);
    return store;
  };
  return {
    store: client(),
    peers: [client(), client()],
    scale: { rounds: 100, listed: 10, largeBytes: 1_000 },
  };
}

describe("a server that lets several writers win", () => {
  test("is served well enough to take part in races at all", async () => {
    const { store } = target("basics");
    expect(await store.put("key", Buffer.from("x"), { kind: "absent" })).toMatchObject({ kind: "written" });
    expect(await store.put("key", Buffer.from("y"), { kind: "absent" })).toEqual({
      kind: "precondition-failed",
    });
    expect((await store.get("key"))?.body).toEqual(new Uint8Array([0x78]));
  });

  test("is caught by the race cases", async () => {
    const verdicts: string[] = [];
    for (const { name, run } of conformanceCases.filter(({ group }) => group === "races")) {
      const failure = await run(target(`races-${verdicts.length}`)).then(
        () => undefined,
        (error: unknown) => String((error as Error).message),
      );
      verdicts.push(failure === undefined ? `${name}: passed` : `${name}: ${failure}`);
    }
    // It is caught in the act, not by an error of another kind.
    expect(verdicts.filter((v) => /writers won|increments were lost or doubled/.test(v))).not.toEqual([]);
  });

  test("is refused by the proof", async () => {
    const { store } = target("proof");
    // Races are chance: on a busy machine the server may happen to serve all writers of one proof in turn.
    const proofs = 50;
    const findings: string[] = [];
    while (findings.length < proofs && findings.at(-1) !== "refused")
      findings.push(await verdict(proveConditionalWrites(store, { random: systemRandom })));
    expect(findings.at(-1)).toBe("refused");
  });
});

async function verdict(proof: Promise<void>): Promise<string> {
  const failure = await proof.then(
    () => "passed",
    (error: unknown) => String((error as Error).message),
  );
  return refusal.test(failure) ? "refused" : failure;
}

const refusal =
  /does not honour conditional writes: \d of 8 concurrent (creates of one object|changes from one ETag) succeeded/;
