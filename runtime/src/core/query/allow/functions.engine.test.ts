import { expect, test } from "@jest/globals";
import { openDatabase } from "../../../adapters/duckdb/database.ts";
import { expressionFunctionClass, functionClass } from "./function-class.ts";

test("every function of the engine is classified, and none that reaches out is allowed", async () => {
  const database = await openDatabase({ threads: 1 });
  try {
    const rows = await database.rows("SELECT DISTINCT function_type, function_name FROM duckdb_functions()");
    expect(rows.length).toBeGreaterThan(700);
    for (const { function_type: type, function_name: name } of rows) {
      const found = String(type).startsWith("table")
        ? functionClass("table", String(name))
        : type === "pragma"
          ? "refused"
          : expressionFunctionClass(String(name));
      expect([type, name, found ?? "missing"]).toEqual([type, name, expect.stringMatching(/^(?!missing)/)]);
      if (/read_|scan|glob|sniff|query|setting|secret|log|checkpoint|getenv|pragma/.test(String(name))) {
        const allowed = found === "stable" && !/^(log|log2|log10)$/.test(String(name));
        expect([name, allowed]).toEqual([name, false]);
      }
    }
  } finally {
    await database.close();
  }
});
