import { expect, test } from "@jest/globals";
import { builtInAccelerators } from "../../adapters/engine/registry.ts";
import { compileApp } from "../../bin/compile-app.ts";
import type { AppTable } from "./app.ts";
import { sameTable } from "./same-table.ts";

/** The table `orders` in a spicepod in which others come first. */
function orders(others: readonly string[], refresh = "10s"): AppTable {
  const dataset = (name: string, interval: string) => `
  - from: file:/data/${name}.parquet
    name: ${name}
    acceleration: { refresh_check_interval: ${interval}, partition_by: ["bucket(4, id)"] }`;
  const text = `version: v1
kind: Spicepod
name: sales
datasets:${[...others.map((name) => dataset(name, "1h")), dataset("orders", refresh)].join("")}
`;
  const registry = builtInAccelerators();
  const { tables } = compileApp(text, {
    file: "spicepod.yaml",
    mode: "cluster",
    registry,
    warn: () => undefined,
  });
  const found = tables.find(({ name }) => name === "orders");
  if (found === undefined) throw new Error("there is no table orders");
  return found;
}

test("a table is the same when another dataset comes or goes before it", () => {
  expect(sameTable(orders(["events"]), orders([]))).toBe(true);
  expect(sameTable(orders(["events"]), orders(["events", "more"]))).toBe(true);
});

test("a table is another one when anything of it differs", () => {
  expect(sameTable(orders([]), orders([], "20s"))).toBe(false);
});
