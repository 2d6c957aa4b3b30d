import { TestEnvironment } from "jest-environment-node";

/** Node's environment, in which hooks can tell whether the test before them failed: `globalThis.failedTest`. */
export default class FailureEnvironment extends TestEnvironment {
  handleTestEvent(event) {
    if (event.name === "test_start") this.global.failedTest = undefined;
    if (event.name === "test_fn_failure") this.global.failedTest = event.test.name;
  }
}
