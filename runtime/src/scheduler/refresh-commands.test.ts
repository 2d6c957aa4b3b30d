import { expect, test } from "@jest/globals";
import { parseRefreshCommand } from "../core/refresh/refresh-command.ts";
import { CommandRefusedError } from "./commands.ts";
import { RefreshCommands } from "./refresh-commands.ts";
import { shardedDocument, shardedTable as table } from "./testing/sharded-document.ts";

function desk(options: { answer?: () => Promise<void>; reconcile?: () => Promise<void> } = {}) {
  const sent: { executor: string; command: unknown; id: string }[] = [];
  const warnings: string[] = [];
  const refreshes = new RefreshCommands({
    commands: {
      async send(executor, message) {
        if (message.$case !== "refreshDataset") throw new Error(message.$case);
        const { requestId, overrides } = message.value;
        sent.push({ executor, command: parseRefreshCommand(overrides), id: requestId });
        await options.answer?.();
      },
    },
    document: () => shardedDocument(["a", "b", undefined]),
    live: () => ["a", "b", "c"],
    reconcile: options.reconcile ?? (async () => undefined),
    random: { next: () => 0, uuid: () => "request" },
    log: { warn: (_detail: object, message?: string) => warnings.push(message ?? "") } as never,
    signal: new AbortController().signal,
  });
  return { refreshes, sent, warnings };
}

test("a refresh goes to every owner under one request id, also when discovery fails", async () => {
  const { refreshes, sent, warnings } = desk({ reconcile: () => Promise.reject(new Error("down")) });
  const request = { refreshMode: "full", refreshJitterMaxMs: 7 } as const;
  expect(await refreshes.refresh(table, request)).toEqual({ kind: "accepted" });
  const command = { kind: "refresh", mode: "full", jitterMaxMs: 7 };
  expect(sent).toEqual([
    { executor: "a", command, id: "request" },
    { executor: "b", command, id: "request" },
  ]);
  expect(warnings).toHaveLength(1);
});

test("one partition goes to its owner alone", async () => {
  const { refreshes, sent } = desk();
  await refreshes.refresh(table, { partition: { "bucket(3, id)": "1" } });
  expect(sent).toEqual([
    { executor: "b", command: { kind: "refresh", partitions: ['["1"]'] }, id: "request" },
  ]);
});

test("a partition that does not exist is refused, one without an owner is not there yet", async () => {
  const { refreshes, sent } = desk();
  const ask = (partition: Record<string, string>) => refreshes.refresh(table, { partition });
  expect(await ask({ "bucket(3, id)": "9" })).toMatchObject({ kind: "refused" });
  expect(await ask({ id: "1" })).toEqual({
    kind: "refused",
    message: `A partition of ${table} is named by "bucket(3, id)", not by "id"`,
  });
  expect(await ask({ "bucket(3, id)": "2" })).toMatchObject({ kind: "unavailable" });
  expect(sent).toEqual([]);
});

test("another refresh_sql goes to everybody; a refusal is the executor's own words", async () => {
  const { refreshes, sent } = desk({
    answer: () => Promise.reject(new CommandRefusedError("not open yet")),
  });
  expect(await refreshes.setRefreshSql(table, null)).toEqual({ kind: "refused", message: "not open yet" });
  expect(sent.map((s) => s.executor)).toEqual(["a", "b", "c"]);
});
