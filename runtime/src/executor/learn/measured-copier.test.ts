import { expect, test } from "@jest/globals";
import { Metrics } from "../../observe/metrics.ts";
import type { CopiedVersion, PartitionCopyPart } from "../../ports/partition-copy.ts";
import { measuredCopier } from "./measured-copier.ts";

const header: CopiedVersion = {
  version: 2,
  columns: [],
  rows: 7,
  watermark: null,
  position: null,
  lastRefreshMs: 0,
};

test("bytes count as they arrive, rows and copies when the version is whole", async () => {
  const metrics = new Metrics({ role: "executor", nodeId: "n" });
  const parts: PartitionCopyPart[] = [
    { kind: "header", header },
    { kind: "frame", bytes: new Uint8Array(5) },
    { kind: "frame", bytes: new Uint8Array(6) },
  ];
  let fails = true;
  const copier = measuredCopier(
    {
      async *copy() {
        yield* parts;
        if (fails) throw new Error("cut");
      },
    },
    metrics,
  );
  const read = async (haveVersion: number) => {
    const request = { table: "t", key: "k", epoch: 1, haveVersion };
    for await (const _ of copier.copy("e", request, new AbortController().signal)) {
      // Only what is counted matters.
    }
  };
  const counted = async () => {
    const lines = (await metrics.text()).split("\n").filter((l) => l.startsWith("executor_partition_copy_"));
    return lines.map((line) => line.replace("executor_partition_copy_", ""));
  };
  await expect(read(1)).rejects.toThrow("cut");
  expect(await counted()).toEqual(["bytes 11", "rows 0", "count 0"]);
  fails = false;
  await read(1);
  expect(await counted()).toEqual(["bytes 22", "rows 7", "count 1"]);
  parts.splice(1);
  await read(2);
  expect(await counted()).toEqual(["bytes 22", "rows 7", "count 1"]);
  metrics.close();
});
