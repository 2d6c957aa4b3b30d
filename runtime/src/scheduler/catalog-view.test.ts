import { expect, test } from "@jest/globals";
import type { ClusterDocument } from "../core/cluster/document/document.ts";
import { CatalogView } from "./catalog-view.ts";
import { ExecutorViews } from "./executor-views.ts";
import { shardedDocument, shardedTable as table } from "./testing/sharded-document.ts";

function bed() {
  const executors = new ExecutorViews();
  const connected = new Map([
    ["a", "a-1"],
    ["b", "b-1"],
  ]);
  const state = { document: shardedDocument(["a", "b"]) as ClusterDocument };
  const definitions = [{ name: "T", fullName: table, partitionBy: ["bucket(2, id)"] }];
  const view = new CatalogView({
    executors,
    document: () => state.document,
    definitions: () => definitions,
    views: () => new Map(),
    serving: (executor, instance) => connected.get(executor) === instance,
  });
  for (const [id, instance] of connected) executors.joined(id, instance, "1");
  const tell = (executor: string, columns: readonly (readonly [string, string])[]) =>
    executors.reportTable(executor, `${executor}-1`, {
      table,
      columns: columns.map(([name, type]) => ({ name, type, nullable: true })),
      error: "",
      refreshing: false,
      refreshedRows: 0,
    });
  const load = (executor: string, key: string, epoch: number, version = 1) =>
    executors.report(executor, `${executor}-1`, {
      table,
      key,
      epoch,
      state: "loaded",
      version,
      rows: 10,
      bytes: 100,
      error: "",
      lastRefreshMs: 0,
    });
  const holders = () =>
    view
      .current()
      .tables.get("t")
      ?.partitions.map((p) => p.holders.map((h) => h.executor));
  return { view, executors, connected, state, tell, load, holders };
}

test("a table is known from its first columns on", () => {
  const { view, tell } = bed();
  expect(view.current().tables.size).toBe(0);
  tell("a", [["id", "BIGINT"]]);
  expect(view.current().tables.get("t")).toMatchObject({
    name: "T",
    revision: 5,
    partitionBy: ["bucket(2, id)"],
  });
});

test("a holder counts at the document's epoch, loaded, and connected", () => {
  const { tell, load, holders, connected, executors } = bed();
  tell("a", [["id", "BIGINT"]]);
  expect(holders()).toEqual([[], []]);
  load("a", '["0"]', 3);
  load("b", '["1"]', 5, 0);
  expect(holders()).toEqual([[], []]);
  // It was promoted and has not said so yet; it is asked under the document's epoch.
  load("a", '["0"]', 4);
  expect(holders()).toEqual([["a"], []]);
  load("a", '["0"]', 5);
  load("b", '["1"]', 5);
  expect(holders()).toEqual([["a"], ["b"]]);
  connected.delete("b");
  executors.touch();
  expect(holders()).toEqual([["a"], []]);
});

test("a partition without a holder is awaited while somebody is to have it and has not failed", () => {
  const { view, tell, load, state, executors } = bed();
  const awaited = () =>
    view
      .current()
      .tables.get("t")
      ?.partitions.map((p) => p.awaited);
  tell("a", [["id", "BIGINT"]]);
  state.document = shardedDocument(["a", "b", undefined]);
  expect(awaited()).toEqual([true, true, false]);
  load("a", '["0"]', 5);
  executors.report("b", "b-1", {
    table,
    key: '["1"]',
    epoch: 5,
    state: "failed",
    version: 0,
    rows: 0,
    bytes: 0,
    error: "no source",
    lastRefreshMs: 0,
  });
  expect(awaited()).toEqual([undefined, false, false]);
});

test("while a schema change travels, only what all have is there", () => {
  const { view, tell } = bed();
  tell("a", [
    ["id", "BIGINT"],
    ["v", "INTEGER"],
    ["new", "DATE"],
  ]);
  tell("b", [
    ["v", "BIGINT"],
    ["id", "BIGINT"],
  ]);
  expect(
    view
      .current()
      .tables.get("t")
      ?.columns.map((c) => c.name),
  ).toEqual(["id"]);
});

test("the keys are values of the recorded expressions, and nothing is built twice", () => {
  const { view, state, tell } = bed();
  tell("a", [["id", "BIGINT"]]);
  state.document = shardedDocument(["a", "b", "a"]);
  const catalog = view.current();
  expect(catalog.tables.get("t")?.partitionBy).toEqual(["bucket(3, id)"]);
  expect(view.current()).toBe(catalog);
});
