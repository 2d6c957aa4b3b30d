import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { cluster } from "../../core/cluster/moves/testing/cluster.ts";
import { Log } from "../../observe/log.ts";
import { parseLogLevels } from "../../observe/log-level.ts";
import { Metrics } from "../../observe/metrics.ts";
import { MoveLog } from "./move-log.ts";

test("the end of an executor that was drained is no alarm, the loss of one that owned something is", () => {
  const destination = new PassThrough();
  const log = new Log({ levels: parseLogLevels("info"), destination, human: false });
  const moveLog = new MoveLog(log.module("moves"), new Metrics({ role: "scheduler", nodeId: "n" }));
  const c = cluster(5, [10]);
  c.drain("e3");
  c.finish();
  moveLog.tell(c.plan({ lost: new Set(["e0", "e3"]), liveExecutors: ["e1", "e2", "e4"] }));
  const lines = String(destination.read())
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(lines.map(({ level, message, executors }) => [level, message, executors])).toEqual([
    ["warn", "Executors are lost: their partitions move", ["e0"]],
    ["info", "Executors have left that held no partition", ["e3"]],
    ["info", "Partitions begin to move", undefined],
  ]);
});
