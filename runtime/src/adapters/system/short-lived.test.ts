import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { shortLived } from "./short-lived.ts";

type GcEntry = PerformanceEntry & { readonly detail?: { readonly kind?: number } };

const megabyte = 1 << 20;

/** How often the whole heap is marked while 2 GB of buffers come and go. */
async function heapMarks(each: (bytes: number) => void): Promise<number> {
  let marks = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as GcEntry[]) {
      if (entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR) marks++;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  for (let i = 0; i < 2_048; i++) {
    Buffer.allocUnsafeSlow(megabyte).fill(i);
    each(megabyte);
    await nextTurn();
  }
  await nextTurn();
  observer.disconnect();
  return marks;
}

describe("shortLived", () => {
  test("keeps buffers that come and go from marking the whole heap", async () => {
    const untold = await heapMarks(() => undefined);
    expect(untold).toBeGreaterThanOrEqual(3);
    expect(await heapMarks(shortLived)).toBeLessThan(untold / 2);
  });
});
