import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import type { AcceleratedDataset } from "../../../ports/accelerator.ts";
import type { Database } from "../../../ports/database.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { FileSpace } from "./file-space.ts";

const root = mkdtempSync(join(tmpdir(), "file-space-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a file that a full disk left half made is gone, so that it is made when there is room", async () => {
  const real = await openDatabase({ threads: 1, memoryLimit: "64MB" });
  const file = join(root, "events", "expr0=1", "data.duckdb");
  let full = true;
  const database: Database = Object.create(real, {
    run: {
      value: async (sql: string) => {
        if (!full) return await real.run(sql);
        writeFileSync(file, Buffer.alloc(16_384));
        throw new Error(`IO Error: Could not write file "${file}": No space left on device`);
      },
    },
  });
  const dataset = { name: "events", unitPath: () => "expr0=1" } as Partial<AcceleratedDataset>;
  const options = { dataset: dataset as AcceleratedDataset, values: ["1"] };
  const space = new FileSpace(database, options as never, { file, root }, () => {});
  await expect(space.prepare()).rejects.toThrow("No space left on device");
  expect(existsSync(dirname(file))).toBe(false);
  full = false;
  await space.prepare();
  expect(existsSync(file)).toBe(true);
  await space.abandon();
  await real.close();
});
