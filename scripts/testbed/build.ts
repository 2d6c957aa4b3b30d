import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A tool that this machine lacks and the test bed may not install by itself. */
export class MissingToolError extends Error {
  override readonly name = "MissingToolError";
}

/** Provides one part below the cache and returns the environment variables that name it. */
export type Provider = (cacheDir: string) => Promise<Record<string, string>> | Record<string, string>;

/** Build into a fresh folder and rename it into place, so that an interrupted build is never taken for a result. */
export function build(
  cacheDir: string,
  name: string,
  key: readonly string[],
  make: (target: string) => void,
): string {
  const hash = createHash("sha256").update(key.join("\n")).digest("hex").slice(0, 12);
  const final = join(cacheDir, `${name}-${hash}`);
  if (existsSync(final)) return final;
  mkdirSync(cacheDir, { recursive: true });
  console.log(`test bed: providing ${name}`);
  const target = mkdtempSync(join(cacheDir, `.${name}-`));
  try {
    make(target);
    if (!existsSync(final)) renameSync(target, final);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
  return final;
}

/** @throws MissingToolError when `tool` is not on the PATH. */
export function need(tool: string, why: string): void {
  if (spawnSync("which", [tool]).status !== 0)
    throw new MissingToolError(`${tool} is not on the PATH (${why})`);
}

/** Run a program to its end with what it prints shown. */
export function run(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): void {
  const { env = {}, cwd } = options;
  execFileSync(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
}
