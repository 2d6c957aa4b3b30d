import { describe, expect, test } from "@jest/globals";
import { SqlError } from "../../ports/database.ts";
import { ExecutorUnavailableError, ResourceExhaustedError } from "../../ports/exchange.ts";
import { InvalidQueryError, QueryUnavailableError } from "../../ports/query-service.ts";
import { toHttpError } from "./http-error.ts";

describe("toHttpError", () => {
  test("points into the statement", () => {
    const sql = "SELECT 'é',\n  nope FROM t";
    const position = Buffer.byteLength("SELECT 'é',\n  ");
    const error = toHttpError(
      new InvalidQueryError("Unknown column nope. Did you mean note?", { position }),
      sql,
    );
    expect(error.status).toBe(400);
    expect(error.message).toBe(
      "Unknown column nope. Did you mean note?\n\nLINE 2:   nope FROM t\n          ^",
    );
  });

  test("keeps the window small on a long line, and the engine's own caret", () => {
    const sql = `SELECT ${"1, ".repeat(1000)}nope`;
    const { message } = toHttpError(new InvalidQueryError("Unknown", { position: 3007 }), sql);
    const [, , line, caret] = message.split("\n");
    expect(line!.length).toBeLessThan(200);
    expect(line!.slice(caret!.indexOf("^"))).toBe("nope");
    const own = "Parser Error: x\nLINE 1: y\n ^";
    expect(toHttpError(new InvalidQueryError(own, { position: 1 }), "y").message).toBe(own);
  });

  test.each([
    [new ResourceExhaustedError("full"), 503],
    [new QueryUnavailableError("Cannot execute query: 1 partition(s) not assigned to any executor"), 503],
    [new ExecutorUnavailableError("e", "gone"), 503],
    [AbortSignal.timeout(0).reason ?? new DOMException("t", "TimeoutError"), 503],
    [new SqlError("Out of Memory Error: x", { category: "Out of Memory", sql: "" }), 503],
    [new SqlError("Binder Error: x", { category: "Binder", sql: "" }), 400],
    [new SqlError("Conversion Error: x", { category: "Conversion", sql: "" }), 400],
    [new SqlError("INTERNAL Error: x", { category: "INTERNAL", sql: "" }), 500],
    [new Error("x"), 500],
  ])("%s → %d", (error, status) => {
    const answer = toHttpError(error, "SELECT 1");
    expect(answer.status).toBe(status);
    expect(answer.headers["Retry-After"]).toBe(status === 503 ? "1" : undefined);
  });
});
