import type { Condition } from "../api/status.ts";

/** A condition that has become another. */
export interface Transition {
  readonly type: "Normal" | "Warning";
  readonly condition: Condition;
}

/** What people are told of transitions. */
export interface TransitionEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

/** Conditions that are bad when they are True. */
const badWhenTrue = new Set(["Degraded", "Stalled"]);
/** Conditions that are good when they are True. */
const goodWhenTrue = new Set(["Ready", "CertificatesReady", "ConfigValid", "Balanced"]);

/**
 * What happened between two statuses, for events: conditions whose status or reason changed. A message alone is no
 * event, since it counts. `Reconciling` repeats `Progressing`. Pure.
 */
export function transitionsOf(
  before: readonly Condition[],
  after: readonly Condition[],
): readonly Transition[] {
  return after
    .filter((condition) => {
      if (condition.type === "Reconciling") return false;
      const old = before.find(({ type }) => type === condition.type);
      // A condition that begins as it should be is no news.
      if (old === undefined) return condition.status === "True" || badNews(condition);
      return old.status !== condition.status || old.reason !== condition.reason;
    })
    .map((condition) => ({ type: badNews(condition) ? "Warning" : "Normal", condition }));
}

/** What people look for first. */
const leading = ["Ready", "Progressing"];

/**
 * The events of what one status told: bad news one by one, and one for all good news, so that a cluster that comes up
 * costs one write for each of its phases and not one for each of its conditions. Pure.
 */
export function eventsOf(transitions: readonly Transition[]): readonly TransitionEvent[] {
  const rank = ({ condition: { type } }: Transition) =>
    leading.includes(type) ? leading.indexOf(type) : leading.length;
  const good = transitions.filter(({ type }) => type === "Normal").sort((a, b) => rank(a) - rank(b));
  const [first, ...others] = good;
  return [
    ...transitions
      .filter(({ type }) => type === "Warning")
      .map(({ type, condition: { type: action, reason, message } }) => ({
        type,
        reason,
        action,
        note: message,
      })),
    ...(first === undefined
      ? []
      : [
          {
            type: first.type,
            reason: first.condition.reason,
            action: first.condition.type,
            note: [
              first.condition.message,
              ...others.map(({ condition: { type, status, message } }) => `${type} is ${status}: ${message}`),
            ].join(" "),
          },
        ]),
  ];
}

function badNews({ type, status, reason }: Condition): boolean {
  if (badWhenTrue.has(type)) return status === "True";
  // What is not ready yet while the cluster grows is no warning.
  if (type === "Ready") return status === "False" && !growing.has(reason);
  return goodWhenTrue.has(type) && type !== "Balanced" && status === "False";
}

const growing = new Set<string>([
  "SchedulersNotReady",
  "ExecutorsNotReady",
  "PartitionsLoading",
  "Reconciling",
  "RollingOut",
  "NoExecutors",
  "Deleting",
]);
