import type { ParameterSpec } from "./parameter.ts";

/** Names of S3 parameters without their prefix; each may be written with `s3_` before it. */
const s3: readonly ParameterSpec[] = [
  { name: "region", type: "string", description: "The region; by default that of the environment." },
  { name: "endpoint", type: "string", description: "URL of an S3-compatible store." },
  {
    name: "auth",
    type: { oneOf: ["iam_role", "key"] },
    description: "`iam_role`: the identity of the environment; `key`: `key` and `secret`.",
    default: "iam_role",
  },
  { name: "key", type: "string", description: "The access key's id.", secret: true },
  { name: "secret", type: "string", description: "The access key.", secret: true },
  { name: "session_token", type: "string", description: "A temporary key's token.", secret: true },
];

/** Parameters of an S3 store: of `runtime.scheduler.params`, `snapshots.params` and of datasets from `s3://`. */
export const s3Parameters: readonly ParameterSpec[] = s3.flatMap((spec) => [
  spec,
  { ...spec, name: `s3_${spec.name}` },
]);

const gcs: readonly ParameterSpec[] = [
  {
    name: "gcs_auth",
    type: { oneOf: ["workload_identity", "service_account"] },
    description: "How to log on to Google Cloud Storage.",
    default: "workload_identity",
  },
  { name: "gcs_service_account", type: "string", description: "The service account's key.", secret: true },
];

const azure: readonly ParameterSpec[] = [
  {
    name: "azure_auth",
    type: { oneOf: ["workload_identity", "key", "sas"] },
    description: "How to log on to Azure Blob Storage.",
    default: "workload_identity",
  },
  { name: "azure_account", type: "string", description: "The storage account." },
  { name: "azure_access_key", type: "string", description: "The account's key.", secret: true },
  { name: "azure_sas", type: "string", description: "A shared access signature.", secret: true },
];

/** The parameters that a store of this URL scheme takes (without the colon), or undefined for another scheme. */
export function storeParameters(scheme: string): readonly ParameterSpec[] | undefined {
  switch (scheme) {
    case "s3":
      return s3Parameters;
    case "gs":
      return gcs;
    case "abfs":
    case "abfss":
      return azure;
    case "file":
      return [];
    default:
      return undefined;
  }
}
