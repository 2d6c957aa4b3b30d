import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { JointAbort } from "./joint-abort.ts";

describe("a joint abort", () => {
  test("has the reason of the first signal that aborts, and lets the others go", () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const joint = new JointAbort();
    for (const { signal } of [one, two]) joint.follow(signal);
    two.abort("two");
    one.abort("one");
    expect(joint.signal.reason).toBe("two");
    expect(getEventListeners(one.signal, "abort")).toEqual([]);
  });

  test("follows a signal that has aborted already", () => {
    const joint = new JointAbort();
    joint.follow(AbortSignal.abort("before"));
    expect(joint.signal.reason).toBe("before");
  });

  test("ends with a TimeoutError when time is over", async () => {
    const joint = new JointAbort();
    joint.after(0);
    const keepsTheProcess = setInterval(() => undefined, 1_000);
    await new Promise((resolve) => joint.signal.addEventListener("abort", resolve));
    clearInterval(keepsTheProcess);
    expect(joint.signal.reason).toMatchObject({ name: "TimeoutError" });
  });

  test("does nothing and holds nothing once it is let go", () => {
    const one = new AbortController();
    const joint = new JointAbort();
    joint.follow(one.signal);
    joint.after(2 ** 40);
    joint.letGo();
    expect(getEventListeners(one.signal, "abort")).toEqual([]);
    one.abort();
    expect(joint.signal.aborted).toBe(false);
  });
});
