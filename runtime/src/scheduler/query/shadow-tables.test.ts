import { expect, test } from "@jest/globals";
import type { CatalogTable } from "../../core/query/catalog.ts";
import type { Database } from "../../ports/database.ts";
import { ShadowTables } from "./shadow-tables.ts";

test("a failed beginning is tried again by the next statement, and done once", async () => {
  const ran: string[] = [];
  let failures = 1;
  const database: Pick<Database, "run"> = {
    async run(sql) {
      ran.push(sql.slice(0, 12));
      failures -= 1;
      if (failures >= 0) throw new Error("not now");
      return 0;
    },
  };
  const shadows = new ShadowTables(database);
  const table: Pick<CatalogTable, "columns"> = { columns: [{ name: "id", type: "BIGINT", nullable: true }] };
  await expect(shadows.namesFor([table])).rejects.toThrow("not now");
  expect(await shadows.namesFor([table, table])).toEqual([
    ["shadow", "t0_0"],
    ["shadow", "t0_1"],
  ]);
  expect(ran).toEqual(["CREATE SCHEM", "CREATE SCHEM", "CREATE TABLE", "CREATE TABLE"]);
});
