import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runOperatorCli } from "../cli/program.ts";

const manifest = join(import.meta.dirname, "..", "..", "package.json");
const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `spiceai-operator crd | head` closes the pipe early.
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.exitCode = runOperatorCli(
  process.argv.slice(2),
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    read: (file) => readFileSync(file === "-" ? 0 : file, "utf8"),
  },
  version,
);
