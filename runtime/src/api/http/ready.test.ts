import { describe, expect, test } from "@jest/globals";
import type { ReadinessFacts } from "../../ports/node-info.ts";
import { answerReady, type ReadyQuestion } from "./ready.ts";

const facts: ReadinessFacts = {
  role: "scheduler",
  nodeReady: true,
  accepting: true,
  components: [
    { name: "dataset:a", state: "ready", detail: "3 of 3 partitions loaded" },
    { name: "dataset:b", state: "disabled", detail: "" },
  ],
  executors: [
    { id: "e1", ready: true },
    { id: "e2", ready: false },
    { id: "e3", ready: true },
  ],
};
const question: ReadyQuestion = {
  scope: "cluster",
  minReadyExecutors: 0,
  minReadyExecutorsPercent: 0,
  verbose: false,
};
const ask = (change: Partial<ReadyQuestion>, other: Partial<ReadinessFacts> = {}) =>
  answerReady({ ...question, ...change }, { ...facts, ...other });

describe("answerReady", () => {
  test("needs every component, but not the disabled ones", () => {
    expect(ask({})).toEqual({ ready: true, text: "ready" });
    const unloaded = { components: [{ name: "dataset:a", state: "not-ready" as const, detail: "1 of 3" }] };
    expect(ask({}, unloaded)).toEqual({ ready: false, text: "not ready" });
    expect(ask({ scope: "node" }, unloaded).ready).toBe(true);
  });

  test("fails on a node that cannot work or is shutting down, whatever the scope", () => {
    expect(ask({ scope: "node" }, { nodeReady: false }).ready).toBe(false);
    expect(ask({ scope: "node" }, { accepting: false }).ready).toBe(false);
  });

  test.each([
    [{ minReadyExecutors: 2 }, true],
    [{ minReadyExecutors: 3 }, false],
    [{ minReadyExecutorsPercent: 66 }, true],
    [{ minReadyExecutorsPercent: 67 }, false],
    [{ minReadyExecutors: 2, minReadyExecutorsPercent: 100 }, false],
  ])("gate %j → %s", (gate, ready) => {
    expect(ask(gate).ready).toBe(ready);
  });

  test("a share of no executors is never reached", () => {
    expect(ask({ minReadyExecutorsPercent: 1 }, { executors: [] }).ready).toBe(false);
  });

  test("refuses gates on a node without a registry", () => {
    expect(() => ask({ minReadyExecutors: 1 }, { executors: undefined })).toThrow(
      "executor gates (min_ready_executors, min_ready_executors_percent) require scheduler role; this runtime has no executor registry",
    );
  });

  test("tells the reasons when asked", () => {
    expect(ask({ verbose: true, minReadyExecutors: 3 }).text).toBe(
      "[+] node ok\n[+] dataset:a 3 of 3 partitions loaded\n[ ] dataset:b disabled\n[-] executors 2 of 3 ready\nnot ready\n",
    );
    expect(ask({ verbose: true }, { accepting: false }).text).toMatch(/^\[-\] node shutting down\n/);
  });
});
