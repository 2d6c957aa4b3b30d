import { expect, test } from "@jest/globals";
import { parseRefreshCommand, printRefreshCommand, type RefreshCommand } from "./refresh-command.ts";

test("comes back from its text", () => {
  const commands: RefreshCommand[] = [
    { kind: "refresh" },
    { kind: "refresh", mode: "append", refreshSql: "SELECT 1", partitions: ['["3"]'], jitterMaxMs: 5 },
    { kind: "set-refresh-sql", refreshSql: null },
  ];
  for (const command of commands) expect(parseRefreshCommand(printRefreshCommand(command))).toEqual(command);
});

test("refuses what it does not know", () => {
  for (const text of ["", "null", "{}", '{"kind":"drop"}']) {
    expect(() => parseRefreshCommand(text)).toThrow(RangeError);
  }
});
