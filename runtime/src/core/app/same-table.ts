import type { AppTable } from "./app.ts";

/** Whether two versions of a spicepod want the same of a table, wherever in the text it stands. */
export function sameTable(a: AppTable, b: AppTable): boolean {
  return wanted(a) === wanted(b);
}

function wanted(table: AppTable): string {
  return JSON.stringify({ ...table, dataset: { ...table.dataset, path: "" } });
}
