import { readFile } from "node:fs/promises";
import type { Clock } from "../ports/clock.ts";

const intervalMs = 5_000;

/**
 * Look at the spicepod file every 5 s and tell when its text has changed, until the signal aborts; a change that is
 * answered with `again` is told again. A poll rather than file events: a ConfigMap volume swaps a symlink, which not
 * every file system tells of. A file that cannot be read changes nothing.
 */
export async function watchSpicepod(
  file: { readonly path: string; readonly text: string; readonly clock: Clock },
  signal: AbortSignal,
  changed: (text: string) => Promise<"done" | "again">,
): Promise<void> {
  let known = file.text;
  while (!signal.aborted) {
    try {
      await file.clock.sleep(intervalMs, signal);
    } catch {
      return;
    }
    const text = await readFile(file.path, "utf8").catch(() => known);
    if (text === known) continue;
    if ((await changed(text)) === "done") known = text;
  }
}
