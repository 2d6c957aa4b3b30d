import { once } from "node:events";

/** Jest calls this after all tests of the tier. */
export default async function tearDown() {
  const child = globalThis.storyCluster;
  if (child === undefined || child.exitCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
