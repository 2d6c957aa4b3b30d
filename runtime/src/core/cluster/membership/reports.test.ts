import { describe, expect, test } from "@jest/globals";
import { assignmentOf } from "../assignment/slices.ts";
import { planCycle } from "../cycle.ts";
import { newDocument } from "../document/document.ts";
import { PartitionValues } from "../document/partition-values.ts";
import { registerExecutor } from "./membership.ts";
import type { PartitionReport } from "./messages.ts";
import { ReportBook } from "./reports.ts";

const registered = registerExecutor(newDocument("c", 0), "e0", "x0");
const document = planCycle(registered, {
  tables: [
    {
      name: "t",
      expressions: ["bucket(2, id)"],
      onChangedExpressions: "keep",
      discovery: { values: PartitionValues.buckets(2, false), discoveredAtMs: 1, removable: new Map() },
    },
  ],
  complete: true,
  liveExecutors: ["e0"],
  seeding: true,
  capped: true,
  settings: { maxPartitionsPerExecutor: 10, maxPartitionAssignmentsPerInterval: 10 },
  nowMs: 1,
}).document;
const loaded = (key: string, more: Partial<PartitionReport> = {}): PartitionReport => ({
  table: "t",
  key,
  epoch: 2,
  state: "loaded",
  version: 1,
  rows: 10,
  bytes: 100,
  ...more,
});

describe("the report book", () => {
  test("counts what was loaded once and gives sizes by owner", () => {
    const book = new ReportBook();
    book.joined("e0", "x0");
    book.record("e0", "x0", loaded('["0"]'));
    book.record("e0", "x0", loaded('["1"]', { state: "loading", version: 0 }));
    expect(book.readiness(document, ["t", "u"])).toEqual([
      { name: "t", partitions: 2, loaded: 1, known: true },
      { name: "u", partitions: 0, loaded: 0, known: false },
    ]);
    const sizes = book.sizes(document, "t");
    expect([sizes.rows('["0"]'), sizes.bytes('["0"]'), sizes.rows('["1"]')]).toEqual([10, 100, undefined]);
  });

  test("forgets an instance's reports when another comes, and hears nothing from the old one", () => {
    const book = new ReportBook();
    book.joined("e0", "x0");
    book.record("e0", "x0", loaded('["0"]'));
    book.joined("e0", "x1");
    book.record("e0", "x0", loaded('["1"]'));
    expect([book.of("e0", "t", '["0"]'), book.of("e0", "t", '["1"]')]).toEqual([undefined, undefined]);
    // That it was loaded once stays true.
    expect(book.readiness(document, ["t"])[0]!.loaded).toBe(1);
  });

  test("drops what left the document", () => {
    const book = new ReportBook();
    book.joined("e0", "x0");
    book.record("e0", "x0", loaded('["0"]'));
    book.record("e0", "x0", loaded('["9"]'));
    book.prune(document);
    expect([book.of("e0", "t", '["0"]')?.rows, book.of("e0", "t", '["9"]')]).toEqual([10, undefined]);
    book.prune({ ...document, accelerations: {} });
    expect(book.of("e0", "t", '["0"]')).toBeUndefined();
  });
});

test("an executor's assignment is what the document gives it", () => {
  expect(assignmentOf(document, "e0")).toEqual([
    {
      table: "t",
      revision: 0,
      expressions: ["bucket(2, id)"],
      partitions: [
        { key: '["0"]', epoch: 2, role: "owner" },
        { key: '["1"]', epoch: 2, role: "owner" },
      ],
    },
  ]);
  expect(assignmentOf(document, "e1")).toEqual([]);
});
