import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (options: { readonly type: "minor" }) => void;

/** Measured: with twice as much V8 begins to mark the heap in between. */
const limitBytes = 4 << 20;

let bytes = 0;
let collect: Collect | undefined;

/**
 * Tell of buffers that were made for a moment: frames on their way, views of the engine's memory. V8 counts their bytes,
 * also those that are not its own, but collects the young objects that hold them only when *those* have filled their
 * space; so after 64 MB of buffers it marks the whole heap, which for a large result was most of the work. Collecting the
 * young objects here takes half a millisecond and leaves it nothing to do.
 */
export function shortLived(count: number): void {
  bytes += count;
  if (bytes < limitBytes) return;
  bytes = 0;
  collect ??= youngCollector();
  collect({ type: "minor" });
}

function youngCollector(): Collect {
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("typeof gc === 'function' ? gc : undefined");
  return typeof found === "function" ? (found as Collect) : () => undefined;
}
