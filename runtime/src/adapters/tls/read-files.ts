import { readFile, realpath } from "node:fs/promises";
import { CertificateError } from "./certificate-error.ts";

/** What is read of a file system. */
export interface FileReader {
  realpath(path: string): Promise<string>;
  readFile(path: string): Promise<Buffer>;
}

/** Files that belong together changed while they were read: what was read is of no use, trying again is. */
export class TornReadError extends CertificateError {}

const disk: FileReader = { realpath: (path) => realpath(path), readFile: (path) => readFile(path) };

/**
 * Read files that belong together, all of one moment. A kubelet swaps all files of a volume at once by moving a
 * symlink: the real paths are resolved first and must still be the same afterwards. Files that are written in place
 * are read twice and must be equal.
 * @throws TornReadError, or the file system's error.
 */
export async function readFiles(paths: readonly string[], from: FileReader = disk): Promise<Buffer[]> {
  const resolve = () => Promise.all(paths.map((path) => from.realpath(path)));
  const before = await resolve();
  const read = () => Promise.all(before.map((path) => from.readFile(path)));
  const [first, second] = [await read(), await read()];
  const after = await resolve();
  const same =
    first.every((bytes, i) => bytes.equals(second[i]!)) && before.every((path, i) => path === after[i]);
  if (!same) throw new TornReadError(`${paths.join(", ")} change while they are read`);
  return first;
}
