import { expect, test } from "@jest/globals";
import { emptyVersion } from "../../adapters/engine/segmented-table.ts";
import type { AcceleratorTable } from "../../ports/accelerator.ts";
import { PartitionSlot } from "./partition-slot.ts";

test("versions that could not be dropped are dropped the next time, the others once", async () => {
  const dropped: number[] = [];
  let full = true;
  const table: Pick<AcceleratorTable, "current" | "discard"> = {
    current: { ...emptyVersion([]), version: 1 },
    async discard({ version }) {
      if (full && version === 2) throw new Error("No space left on device");
      dropped.push(version);
    },
  };
  const slot = new PartitionSlot({
    values: ["a"],
    table: table as AcceleratorTable,
    epoch: 1,
    role: "owner",
    loaded: true,
  });
  for (const version of [2, 3, 4]) slot.swap({ ...emptyVersion([]), version }, 0);
  await expect(slot.reap(5_000, 5_000)).rejects.toThrow("No space left on device");
  expect(dropped).toEqual([1]);
  expect(slot.hasRetired).toBe(true);
  full = false;
  await slot.reap(5_000, 5_000);
  expect(dropped).toEqual([1, 2, 3]);
  expect(slot.hasRetired).toBe(false);
});
