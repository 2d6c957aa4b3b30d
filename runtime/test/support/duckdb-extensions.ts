import { globSync } from "node:fs";
import { join } from "node:path";

/** The files of DuckDB's extensions with these names, as `make test` provides them. */
export function extensionFiles(...names: readonly string[]): readonly string[] {
  const directory = process.env["SPICED_EXTENSION_DIR"];
  if (directory === undefined)
    throw new Error("SPICED_EXTENSION_DIR is not set: run the tests through `make test`");
  return names.map((name) => {
    const [file] = globSync(`**/${name}.duckdb_extension`, { cwd: directory });
    if (file === undefined) throw new Error(`There is no extension ${name} in ${directory}`);
    return join(directory, file);
  });
}

/** A statement that loads one of DuckDB's extensions. */
export function loadExtension(name: string): string {
  return `LOAD '${extensionFiles(name)[0]}'`;
}
