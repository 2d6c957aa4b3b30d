/** A DuckDB extension that the test bed provides, as a statement that loads it. */
export function loadExtension(name: string): string {
  const files = (process.env["DUCKDB_EXTENSION_FILES"] ?? "").split(":");
  const file = files.find((path) => path.endsWith(`/${name}.duckdb_extension`));
  if (file === undefined) throw new Error(`The test bed gave no extension ${name} (DUCKDB_EXTENSION_FILES)`);
  return `LOAD '${file}'`;
}
