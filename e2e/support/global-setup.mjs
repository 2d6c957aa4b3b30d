import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Jest calls this before all tests of the tier: starts the cluster, which ends with Jest however that happens. */
export default async function setUp() {
  const program = [process.execPath, "--conditions=source", join(import.meta.dirname, "story-cluster.ts")];
  const tied = process.platform === "linux" ? ["setpriv", "--pdeathsig", "TERM"] : [];
  const [command, ...args] = [...tied, ...program];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  globalThis.storyCluster = child;
  const variables = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`the cluster of the stories did not start (exit code ${code})`)),
    );
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("{")) resolve(JSON.parse(line));
      else console.log(line);
    });
  });
  Object.assign(process.env, variables);
}
