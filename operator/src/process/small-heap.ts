import { setFlagsFromString } from "node:v8";

/**
 * Has V8 collect sooner and let its heap grow less. By default the first full collection comes only when the heap is
 * several times what a few hundred clusters need, since passes over all of them after a start promote what they throw
 * away; that memory is then never returned. For this process only, before it works; costs a few full collections.
 */
export function preferSmallHeap(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--heap-growing-percent=50");
}
