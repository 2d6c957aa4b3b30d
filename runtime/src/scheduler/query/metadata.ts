import type { Catalog } from "../../core/query/catalog.ts";
import { isBaseTable } from "../../core/query/tree/is-node.ts";
import { print } from "../../core/query/tree/print.ts";
import type { ParsedStatement } from "../../core/query/tree/read-tree.ts";
import type { BaseTableRef, QueryNode, ShowRef } from "../../core/query/tree/tree.ts";
import { rewrite, walk } from "../../core/query/tree/walk.ts";
import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { ChunkStream } from "../../ports/database.ts";
import { InvalidQueryError } from "../../ports/query-service.ts";
import type { ConnectionTools } from "./connection-tools.ts";

/** Answers statements about the catalog itself: `information_schema` and SHOW TABLES. */
export class Metadata {
  /**
   * True when the statement reads `information_schema` alone.
   * @throws InvalidQueryError when it reads other tables too.
   */
  answers(node: QueryNode): boolean {
    let metadata = false;
    let other = false;
    const ctes = new Set<string>();
    walk(node, (object) => {
      for (const { key } of (object["cte_map"] as { map?: readonly { key: string }[] } | undefined)?.map ??
        []) {
        ctes.add(key.toLowerCase());
      }
      return true;
    });
    walk(node, (object) => {
      if (!isBaseTable(object)) return true;
      if (isMetadata(object)) metadata = true;
      else if (object.schema_name !== "" || !ctes.has(object.table_name.toLowerCase())) other = true;
      return true;
    });
    if (metadata && other) {
      throw new InvalidQueryError("information_schema cannot be joined with other tables in one statement");
    }
    return metadata;
  }

  query(parsed: ParsedStatement, catalog: Catalog, tools: ConnectionTools): Promise<ChunkStream> {
    const relations = relationsOf(catalog);
    const names = new Map<string, string>();
    const node = rewrite(parsed.node, (ref) => {
      if (!isBaseTable(ref)) return undefined;
      const relation = isMetadata(ref) ? relations[ref.table_name.toLowerCase()] : undefined;
      if (relation === undefined) {
        if (isMetadata(ref)) {
          throw new InvalidQueryError(`information_schema.${ref.table_name} does not exist here`);
        }
        return undefined;
      }
      const name = `__metadata_${ref.table_name.toLowerCase()}`;
      names.set(name, relation);
      const alias = ref.alias === "" ? ref.table_name : ref.alias;
      return { ...ref, catalog_name: "", schema_name: "", table_name: name, alias };
    });
    let sql = print.query(node);
    for (const [name, relation] of names) sql = sql.replaceAll(quoteIdentifier(name), () => relation);
    return tools.stream(sql);
  }

  showTables(show: ShowRef, catalog: Catalog, tools: ConnectionTools): Promise<ChunkStream> {
    const asked = show.table_name.replaceAll('"', "").toLowerCase();
    if (asked !== "tables" && asked !== "__show_tables_expanded") {
      throw new InvalidQueryError(
        `SHOW ${asked} is not supported: use SHOW TABLES, or DESCRIBE with a table`,
      );
    }
    return tools.stream(`SELECT table_name AS name FROM ${relationsOf(catalog)["tables"]} AS t ORDER BY 1`);
  }
}

function isMetadata(ref: BaseTableRef): boolean {
  return ref.schema_name.toLowerCase() === "information_schema";
}

/** The relations of `information_schema` as VALUES: the catalog is small, and the engine has no table to ask. */
function relationsOf(catalog: Catalog): Readonly<Record<string, string>> {
  const tables: string[][] = [];
  const columns: string[][] = [];
  const schemas = new Set<string>(["public"]);
  for (const table of catalog.tables.values()) {
    const [database, schema, name] = pathOf(table.fullName);
    schemas.add(schema);
    tables.push([text(database), text(schema), text(name), text("BASE TABLE"), text("NO")]);
    table.columns.forEach((column, i) => {
      columns.push([
        text(database),
        text(schema),
        text(name),
        text(column.name),
        String(i + 1),
        "CAST(NULL AS VARCHAR)",
        text(column.nullable ? "YES" : "NO"),
        text(column.type),
      ]);
    });
  }
  const views: string[][] = [];
  for (const [view, sql] of catalog.views) {
    const [database, schema, name] = pathOf(view);
    schemas.add(schema);
    tables.push([text(database), text(schema), text(name), text("VIEW"), text("NO")]);
    views.push([text(database), text(schema), text(name), text(sql)]);
  }
  const schemata = [...schemas].map((schema) => [text("spice"), text(schema), text("spice")]);
  return {
    tables: values(tables, "table_catalog, table_schema, table_name, table_type, is_insertable_into"),
    columns: values(
      columns,
      "table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type",
    ),
    views: values(views, "table_catalog, table_schema, table_name, view_definition"),
    schemata: values(schemata, "catalog_name, schema_name, schema_owner"),
  };
}

function pathOf(fullName: string): [string, string, string] {
  const parts = fullName.split(".");
  return [parts.at(-3) ?? "spice", parts.at(-2) ?? "public", parts.at(-1) ?? fullName];
}

function text(value: string): string {
  return quoteLiteral(value);
}

function values(rows: readonly (readonly string[])[], columns: string): string {
  const names = columns.split(", ");
  if (rows.length === 0) {
    return `(SELECT ${names.map((name) => `CAST(NULL AS VARCHAR) AS ${name}`).join(", ")} WHERE false)`;
  }
  return `(SELECT * FROM (VALUES ${rows.map((row) => `(${row.join(", ")})`).join(", ")}) AS v(${columns}))`;
}
