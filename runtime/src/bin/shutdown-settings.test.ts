import { expect, test } from "@jest/globals";
import { shutdownSettings } from "./shutdown-settings.ts";

test("without a word a node ends at once", () => {
  expect(shutdownSettings({})).toEqual({ drain: false, lingerMs: 0 });
  expect(shutdownSettings({ SPICED_SHUTDOWN_DRAIN: "", SPICED_SHUTDOWN_LINGER: "" })).toEqual({
    drain: false,
    lingerMs: 0,
  });
});

test("an executor may empty itself, and a scheduler linger, first", () => {
  expect(shutdownSettings({ SPICED_SHUTDOWN_DRAIN: "true", SPICED_SHUTDOWN_LINGER: "5" })).toEqual({
    drain: true,
    lingerMs: 5000,
  });
});

test.each([{ SPICED_SHUTDOWN_DRAIN: "yes" }, { SPICED_SHUTDOWN_LINGER: "5s" }])("%p is refused", (env) => {
  expect(() => shutdownSettings(env)).toThrow(/is (?:true or false|a whole number of seconds), not/);
});
