import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** Copies a file of this machine into an image's root, to the same place unless `to` says another. */
export function copyIn(root: string, from: string, to = from): void {
  mkdirSync(join(root, dirname(to)), { recursive: true });
  copyFileSync(from, join(root, to));
}

/** Copies a program or a module with the libraries that it loads. */
export function copyProgram(root: string, from: string, to = from): void {
  copyIn(root, from, to);
  for (const [, library = ""] of execFileSync("ldd", [from], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g))
    copyIn(root, library);
}
