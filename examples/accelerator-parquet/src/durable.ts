import { mkdir, open } from "node:fs/promises";
import { dirname, relative } from "node:path";

/** Have a file's bytes, or a directory's names, on the disk and not only in the system's memory. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Make a directory with those above it, each durable in the one that holds it. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await sync(dirname(made));
    if (relative(first, made) === "") return;
  }
}
