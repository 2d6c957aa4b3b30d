/** The shape of a dataset's or view's name: up to three identifiers with dots between them. */
export const namePattern = "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*){0,2}$";

const defaultCatalog = "spice";
const defaultSchema = "public";

/** Schemas that hold the product's own tables; a dataset or view must not take a name in them. */
export const reservedSchemas: readonly string[] = ["runtime", "information_schema", "pg_catalog"];

/**
 * The resolved name of a dataset or view, e.g. `sales` → `spice.public.sales`. Names match case-insensitively, so
 * two names mean one table when these are equal after `toLowerCase()`.
 */
export function fullTableName(name: string): string {
  const parts = name.split(".");
  if (parts.length === 1) parts.unshift(defaultSchema);
  if (parts.length === 2) parts.unshift(defaultCatalog);
  return parts.join(".");
}

/** Whether two column names mean the same column: they match case-insensitively (spec chapter 02). */
export function sameColumn(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
