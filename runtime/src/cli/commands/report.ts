import type { Command } from "commander";
import type { Cli } from "../cli.ts";

export interface ReportOptions {
  readonly namespace?: string;
  readonly selector?: string;
  readonly operatorNamespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly output?: string;
  readonly logLines: string;
}

const more = `
Without secrets: of Secrets only names, keys and what certificates say are collected, their values are blanked in
everything else, and so is what looks like a secret. Look through a bundle before you pass it on.

With CLUSTER or --namespace it is about a cluster on Kubernetes, read with your own rights; else about the node at
--endpoint and the local cluster of this directory. manifest.json in the bundle names what is missing, and why.

Exit codes: 0 a bundle was written, also when parts of it are missing; 1 nothing was found or it cannot be written;
2 wrong usage.

Examples:
  spice report --namespace data sales
  spice report --namespace default --selector app.kubernetes.io/part-of=spice spice
  spice report --endpoint http://127.0.0.1:8090 --output ./report`;

/** `spice report [CLUSTER]`. */
export function addReport(program: Command, cli: Cli): void {
  program
    .command("report")
    .description("collect what others need to help with a cluster, without secrets")
    .argument("[cluster]", "a SpicepodCluster, or any name together with --selector")
    .option("-n, --namespace <name>", "its namespace (default: the kubeconfig's)")
    .option("--selector <labels>", "the labels of a cluster that no operator made")
    .option("--operator-namespace <name>", "where the operator runs (default: looked for in all)")
    .option("--kubeconfig <file>", "how to reach Kubernetes (default: as kubectl)")
    .option("--context <name>", "a context of the kubeconfig")
    .option("--output <dir>", "a new folder instead of spice-report-CLUSTER-TIME.tar.gz here")
    .option("--log-lines <n>", "so many of the last lines of each log", "5000")
    .addHelpText("after", more)
    .action(async (cluster: string | undefined, options: ReportOptions) => {
      // Other commands need neither Kubernetes nor the time that it takes to load.
      const { runReport } = await import("../report/run-report.ts");
      await runReport(cli, cluster, options);
    });
}
