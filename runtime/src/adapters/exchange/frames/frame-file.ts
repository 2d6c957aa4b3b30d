import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** Up to this size one synchronous read of a file just written costs less than three thread hops. */
const inlineBytes = 256 << 10;

/** The bytes of a frame that was just written and lies in the page cache. */
export async function readFrameFile(file: string, size: number): Promise<Uint8Array> {
  return size <= inlineBytes ? readFileSync(file) : await readFile(file);
}
