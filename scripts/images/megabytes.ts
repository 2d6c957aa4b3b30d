import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The size of a file, or of all files in a folder, in whole MB of 1,000,000 bytes. */
export function megabytesOf(path: string): number {
  return Math.round(bytesOf(path) / 1e6);
}

function bytesOf(path: string): number {
  const status = lstatSync(path);
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
