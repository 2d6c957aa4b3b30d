import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { runCli } from "../cli/program.ts";

const manifest = join(import.meta.dirname, "..", "..", "package.json");
const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
const interrupted = new AbortController();
process.once("SIGINT", () => {
  interrupted.abort(new Error("Interrupted"));
  // A second Ctrl-C must work whatever the command does.
  process.once("SIGINT", () => process.exit(1));
});
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `spice sql … | head` closes the pipe early.
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.exitCode = await runCli(
  process.argv.slice(2),
  {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: process.cwd(),
    home: homedir(),
    signal: interrupted.signal,
  },
  version,
);
