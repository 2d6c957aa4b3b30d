import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadKubeConfig, systemClock, systemRandom } from "@spice-shards/kube";
import { createAdminDialer } from "../admin/grpc-dialer.ts";
import { type Credentials, runOperatorCli } from "../cli/program.ts";
import { applyCrd } from "../process/apply-crd.ts";
import { checkOperator } from "../process/check-operator.ts";
import { runProcess } from "../process/run-process.ts";
import { createController } from "../reconcile/controller.ts";

const manifest = join(import.meta.dirname, "..", "..", "package.json");
const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `spiceai-operator crd | head` closes the pipe early.
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
const accessOf = ({ kubeconfig, context }: Credentials) =>
  loadKubeConfig({
    ...(kubeconfig === undefined ? {} : { file: kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
process.exitCode = await runOperatorCli(
  process.argv.slice(2),
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    read: (file) => readFileSync(file === "-" ? 0 : file, "utf8"),
    async run(options) {
      const code = await runProcess(options, version, { createController, dialer: createAdminDialer() });
      // What hangs, if anything does, must not keep the process.
      process.exit(code);
    },
    applyCrd: async (credentials) => await applyCrd(await accessOf(credentials), systemClock, systemRandom),
    check: async (options, credentials) =>
      await checkOperator(options, await accessOf(credentials), systemClock, systemRandom),
  },
  version,
);
