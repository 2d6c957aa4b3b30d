import type { SourceParameters } from "../parameters/source.ts";
import { storeParameters } from "../parameters/store.ts";

/** Parameters of a few sources, as tests of the checks see them. */
export const testSources: SourceParameters = (source) => {
  switch (source.kind) {
    case "postgres":
      return [
        { name: "pg_host", type: "string", description: "The server." },
        { name: "pg_port", type: "integer", description: "Its port.", default: "5432" },
        { name: "pg_db", type: "string", description: "The database." },
        { name: "pg_user", type: "string", description: "The user." },
        { name: "pg_pass", type: "string", description: "The password.", secret: true },
        {
          name: "pg_sslmode",
          type: { oneOf: ["disable", "prefer", "require", "verify-ca", "verify-full"] },
          description: "Whether the connection must be secure.",
        },
        { name: "pg_sslrootcert", type: "string", description: "Who is trusted." },
      ];
    case "file":
    case "object":
      return [
        { name: "file_format", type: { oneOf: ["parquet", "csv", "json"] }, description: "The format." },
        { name: "hive_partitioning", type: "boolean", description: "Whether folders are columns." },
        ...(source.kind === "object" ? (storeParameters(source.scheme) ?? []) : []),
      ];
    default:
      return [];
  }
};
