import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { metricsMarkdown } from "./metric-table.ts";

test("docs/metrics.md lists every series as it is", () => {
  const file = join(import.meta.dirname, "..", "..", "..", "docs", "metrics.md");
  // The formatter pads the table's cells.
  const cells = (text: string) => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");
  expect(cells(readFileSync(file, "utf8"))).toContain(cells(metricsMarkdown()));
});
