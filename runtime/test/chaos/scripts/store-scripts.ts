import type { Script, Step } from "../script.ts";

const fromStore = (who: string): Step => ({ do: "cut", a: [who], b: ["s3"], mode: "silent" });

/** What a driver logs as an error while the store fails it. */
const storeErrors = [/The assignment cycle failed/, /The cluster document could not be read/];

/** A store that is away, slow, or does not say what it did. */
export const storeScripts: readonly Script[] = [
  {
    name: "cut-the-driver-from-the-store",
    steps: [fromStore("driver"), { do: "wait", ms: 8_000 }],
    failures: "none",
    stays: true,
    logs: storeErrors,
  },
  {
    name: "cut-all-schedulers-from-the-store",
    steps: [fromStore("schedulers"), { do: "wait", ms: 12_000 }],
    failures: "refused",
    stays: true,
    logs: storeErrors,
  },
  {
    name: "a-slow-store",
    steps: [
      { do: "s3", who: ["schedulers"], fault: { kind: "delay", ms: 2_000 } },
      { do: "drain", who: ["e0"] },
      { do: "wait", ms: 8_000 },
    ],
    failures: "refused",
    stays: true,
    logs: storeErrors,
  },
  {
    name: "a-store-that-answers-503",
    steps: [
      { do: "s3", who: ["schedulers"], fault: { kind: "status", status: 503, code: "SlowDown" } },
      { do: "wait", ms: 10_000 },
    ],
    failures: "refused",
    stays: true,
    logs: storeErrors,
  },
  {
    name: "replies-of-the-store-are-lost-after-the-commit",
    steps: [
      { do: "s3", who: ["schedulers"], fault: { kind: "cut-reply" }, method: "PUT", oneIn: 2 },
      { do: "drain", who: ["e0"] },
      { do: "until", what: "drained", who: ["e0"], withinMs: 60_000 },
      { do: "undrain", who: ["e0"] },
      { do: "wait", ms: 4_000 },
    ],
    failures: "refused",
    stays: true,
    logs: storeErrors,
  },
  {
    name: "a-store-with-conflicts",
    steps: [
      {
        do: "s3",
        who: ["schedulers"],
        fault: { kind: "status", status: 409, code: "ConditionalRequestConflict" },
        method: "PUT",
        oneIn: 2,
      },
      { do: "drain", who: ["e0"] },
      { do: "until", what: "drained", who: ["e0"], withinMs: 60_000 },
      { do: "undrain", who: ["e0"] },
      { do: "wait", ms: 4_000 },
    ],
    failures: "refused",
    stays: true,
    logs: storeErrors,
  },
];
