// Starts a compiled program of this package under Node 24, whatever Node ran this file.
// DuckDB runs each statement on a thread of this pool; the default of four would queue them.
process.env.UV_THREADPOOL_SIZE ??= "32";

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** Import `dist/bin/{name}.js`, or re-run it under the packaged Node 24 when this Node is older. */
export async function launch(name) {
  const program = join(here, "..", "dist", "bin", `${name}.js`);
  if (Number(process.versions.node.split(".")[0]) < 24) {
    const packaged = join(here, "..", "..", "node_modules", ".bin", "node");
    if (!existsSync(packaged)) {
      console.error(`${name} needs Node 24 or newer; this is Node ${process.versions.node}.`);
      process.exit(1);
    }
    const child = spawnSync(packaged, [join(here, `${name}.mjs`), ...process.argv.slice(2)], {
      stdio: "inherit",
    });
    process.exit(child.status ?? 1);
  }
  if (!existsSync(program)) {
    console.error(`${name} is not built yet. Run \`make build\` first.`);
    process.exit(1);
  }
  // glibc reads this only when a process begins, and with an arena per thread it keeps what the engine gave back.
  if (name === "spiced" && process.platform === "linux" && process.env.MALLOC_ARENA_MAX === undefined) {
    process.removeAllListeners("warning"); // process.execve calls itself experimental
    process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
      ...process.env,
      MALLOC_ARENA_MAX: "2",
    });
  }
  // Process 1 of a container ignores every signal that it does not handle; the program takes this over when it can.
  if (process.pid === 1)
    for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(143));
  await import(program);
}
