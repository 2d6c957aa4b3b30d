/**
 * The compiled operator as a pod runs it, with its service account in the folder that the first argument names and the API
 * server in its environment: `spiceai-operator run` with the flags that follow.
 */
import { serviceAccountAccess, systemClock, systemRandom } from "@spice-shards/kube";
import { createAdminDialer } from "../../operator/dist/admin/grpc-dialer.js";
import { runOperatorCli } from "../../operator/dist/cli/program.js";
import { jsonLog } from "../../operator/dist/log.js";
import { runOperator } from "../../operator/dist/process/run-operator.js";
import { preferSmallHeap } from "../../operator/dist/process/small-heap.js";
import { createController } from "../../operator/dist/reconcile/controller.js";

preferSmallHeap();
const [directory, ...args] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort(new Error("got SIGTERM")));
const io = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  read: () => "",
  applyCrd: async () => "",
  async run(options) {
    const access = await serviceAccountAccess(systemClock, { directory });
    const log = jsonLog((line) => process.stderr.write(line), Date.now);
    const common = { access, log, clock: systemClock, random: systemRandom, version: "bench" };
    const wiring = { identity: `bench-${process.pid}`, dialer: createAdminDialer(), createController };
    await runOperator(options, { ...common, ...wiring }, stop.signal);
    process.exit(0);
  },
};
process.exitCode = await runOperatorCli(["run", ...args], io, "bench");
