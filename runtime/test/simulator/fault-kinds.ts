export type FaultKind =
  | "kill-scheduler"
  | "pause-scheduler"
  | "stop-scheduler"
  | "twin-scheduler"
  | "kill-executor"
  | "lose-executor"
  | "add-executor"
  | "drain"
  | "cut-peers"
  | "cut-exchange"
  | "pause-executor"
  | "cut-link"
  | "cut-store"
  | "store-outage"
  | "store-faults"
  | "clock-jump"
  | "source-change"
  | "vanish";

/** Every kind but the loss of the document itself, after which nothing can converge. */
export const ALL_FAULTS: readonly FaultKind[] = [
  "kill-scheduler",
  "pause-scheduler",
  "stop-scheduler",
  "twin-scheduler",
  "kill-executor",
  "lose-executor",
  "add-executor",
  "drain",
  "cut-peers",
  "cut-exchange",
  "pause-executor",
  "cut-link",
  "cut-store",
  "store-outage",
  "store-faults",
  "clock-jump",
  "source-change",
];
