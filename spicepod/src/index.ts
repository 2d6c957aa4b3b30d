export type { AccelerationMode, EngineCapabilities, EngineTable } from "./capabilities.ts";
export type { CheckOptions, SupportedFields } from "./check/context.ts";
export { alwaysSupported } from "./check/supported.ts";
export { columnExpression, parseColumns } from "./columns.ts";
export { spicepodDigest } from "./digest.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export type { ColumnRule, Parameters } from "./field/collection.ts";
export type { JsonSchema } from "./field/field.ts";
export type { PartitionKey } from "./field/partition-by.ts";
export { schedulerDefaults } from "./fields/defaults.ts";
export { spicepodJsonSchema } from "./json-schema.ts";
export {
  type Accelerated,
  type Acceleration,
  type AccelerationField,
  type Dataset,
  type DatasetField,
  generationOf,
  isAccelerated,
  type RuntimeSettings,
  type SchedulerSettings,
  type SecretStoreSettings,
  type SnapshotSettings,
  type SnapshotTrigger,
  type Spicepod,
  type View,
} from "./model.ts";
export { fullTableName, sameColumn } from "./names.ts";
export { checkParameters, type ParameterProblem } from "./parameters/check.ts";
export type { ParameterSpec, ParameterType } from "./parameters/parameter.ts";
export type { SourceParameters } from "./parameters/source.ts";
export { storeParameters } from "./parameters/store.ts";
export { type ParseOptions, type ParseResult, parseSpicepod } from "./parse.ts";
export { formatProblem, type Place, type Problem, SpicepodError } from "./problem.ts";
export { hidden, Redactor, redactValues } from "./secrets/redact.ts";
export {
  type FieldReference,
  findReferences,
  type SecretReference,
  secretFields,
  secretReferences,
} from "./secrets/reference.ts";
export {
  ResolvedParameters,
  type ResolveOptions,
  resolveParameters,
  resolveText,
  SecretError,
} from "./secrets/resolve.ts";
export {
  envSecretStore,
  fileSecretStore,
  openSecretStores,
  type ReadSecretFile,
  type SecretStore,
  type SecretStores,
} from "./secrets/stores.ts";
export { formatSize, parseSize } from "./size.ts";
export { parseSource, type Source, type SourceKind, type SourceProblem } from "./source.ts";
export { editDistance, suggest } from "./suggest.ts";
export { type UnavailableSetting, unavailable } from "./unavailable.ts";
