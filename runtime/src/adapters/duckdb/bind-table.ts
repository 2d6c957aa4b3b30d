import type { Database, Json } from "../../ports/database.ts";

/**
 * Let a SELECT that names a table with its schema or catalog refer to the plain name `alias` instead, so that a
 * common table expression can stand in for the table. Throws `SqlError` when the text is not one SELECT.
 */
export async function bindTable(
  database: Database,
  sql: string,
  fullName: readonly string[],
  alias: string,
): Promise<string> {
  const [row] = await database.rows("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR AS tree", {
    parameters: [sql],
  });
  const tree = JSON.parse(String(row?.["tree"])) as {
    error: boolean;
    error_message?: string;
    statements?: Json[];
  };
  if (tree.error || tree.statements?.length !== 1) {
    throw new TypeError(
      `refresh_sql must be one SELECT: ${tree.error_message ?? "it is several statements"}`,
    );
  }
  rename(
    tree as Json,
    fullName.map((part) => part.toLowerCase()),
    alias,
  );
  const [back] = await database.rows("SELECT json_deserialize_sql($1::VARCHAR::JSON) AS sql", {
    parameters: [JSON.stringify(tree)],
  });
  return String(back?.["sql"]);
}

function rename(node: Json, fullName: readonly string[], alias: string): void {
  if (Array.isArray(node)) for (const item of node) rename(item, fullName, alias);
  else if (node !== null && typeof node === "object") {
    if (node["type"] === "BASE_TABLE") {
      const written = [node["catalog_name"], node["schema_name"], node["table_name"]]
        .filter((part) => typeof part === "string" && part !== "")
        .map((part) => String(part).toLowerCase());
      const tail = fullName.slice(fullName.length - written.length);
      if (written.length <= fullName.length && written.every((part, i) => part === tail[i])) {
        // The alias keeps qualified references to columns (`events.id`) working.
        if (node["alias"] === "") node["alias"] = String(node["table_name"]);
        Object.assign(node, { catalog_name: "", schema_name: "", table_name: alias });
      }
    }
    for (const value of Object.values(node)) rename(value, fullName, alias);
  }
}
