import type { Source } from "../source.ts";
import type { ParameterSpec } from "./parameter.ts";
import { storeParameters } from "./store.ts";

const files: readonly ParameterSpec[] = [
  {
    name: "file_format",
    type: { oneOf: ["parquet", "csv", "json"] },
    description: "The format of the files; by default that of their extension.",
  },
  {
    name: "hive_partitioning",
    type: "boolean",
    description: "Whether folders named `column=value` are read as columns.",
  },
];

const postgres: readonly ParameterSpec[] = [
  { name: "pg_host", type: "string", description: "The server's host name or address." },
  { name: "pg_port", type: "integer", description: "The server's port.", default: "5432" },
  { name: "pg_db", type: "string", description: "The database." },
  { name: "pg_user", type: "string", description: "The user." },
  { name: "pg_pass", type: "string", description: "The user's password.", secret: true },
  {
    name: "pg_sslmode",
    type: { oneOf: ["disable", "prefer", "require", "verify-ca", "verify-full"] },
    description: "How far the connection must be secure.",
  },
  { name: "pg_sslrootcert", type: "string", description: "The file with the certificates that are trusted." },
];

/** The parameters that a source takes under the dataset's `params`. */
export type SourceParameters = (source: Source) => readonly ParameterSpec[];

/** The parameters of the built-in sources (spec chapters 02 and 05). */
export const sourceParameters: SourceParameters = (source) => {
  switch (source.kind) {
    case "postgres":
      return postgres;
    case "file":
      return files;
    case "object":
      return [...files, ...(storeParameters(source.scheme) ?? [])];
    case "duckdb":
    case "sqlite":
    case "mysql":
    case "iceberg":
    case "delta":
      return [];
  }
};
