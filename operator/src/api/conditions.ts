/** The aspects that status reports on. `Reconciling` and `Stalled` are for kstatus, and there only while they are True. */
export const conditionTypes = [
  "Ready",
  "Progressing",
  "Degraded",
  "Paused",
  "CertificatesReady",
  "ConfigValid",
  "Balanced",
  "Reconciling",
  "Stalled",
] as const;

/** Why a condition has its status: one word for conditions, events, log lines and metric labels. */
export const reasons = [
  "AsExpected",
  "Reconciling",
  "InvalidSpec",
  "InvalidSpicepod",
  "MissingConfigMap",
  "MissingSecret",
  "InvalidSecret",
  "MissingStorageClass",
  "StateLocationInUse",
  "Insecure",
  "CertificatesIssued",
  "CertificatesPending",
  "CertificateNotReady",
  "MissingCertManager",
  "RootRotation",
  "SchedulersNotReady",
  "ExecutorsNotReady",
  "PartitionsLoading",
  "RollingOut",
  "RolloutStopped",
  "ScalingUp",
  "ScalingDown",
  "DrainBlocked",
  "SchedulerUnreachable",
  "VolumeExpansion",
  "VolumeExpansionRefused",
  "CrashLooping",
  "PausedByUser",
  "NoExecutors",
  "Rebalancing",
  "Deleting",
  "ApiError",
] as const;

export type ConditionType = (typeof conditionTypes)[number];
export type Reason = (typeof reasons)[number];
