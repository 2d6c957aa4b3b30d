/**
 * `node scripts/testbed/extensions.ts`: DuckDB's signed extensions into `runtime/extensions`, where a node started
 * from this clone looks for them. They are links into the cache that the test bed shares.
 */
import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { MissingToolError } from "./build.ts";
import { parts } from "./parts.ts";
import { cacheDir } from "./provision.ts";

const target = join(import.meta.dirname, "..", "..", "runtime", "extensions");
try {
  const { SPICED_EXTENSION_DIR: source } = parts["duckdb-extensions"](cacheDir);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const files = readdirSync(source).filter((name) => name.endsWith(".duckdb_extension"));
  for (const name of files) symlinkSync(join(source, name), join(target, name));
  console.log(`${target}: ${files.map((name) => name.replace(".duckdb_extension", "")).join(", ")}`);
} catch (error) {
  if (!(error instanceof MissingToolError)) throw error;
  console.error(`DuckDB's extensions cannot be provided: ${error.message}`);
  process.exit(1);
}
