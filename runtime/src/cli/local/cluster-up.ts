import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { formatAddress, parseAddress } from "../../core/text/address.ts";
import { CliError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { createAuthority, issueNode } from "../tls/authority.ts";
import { PkiDir } from "../tls/pki-dir.ts";
import { ClusterDir, type ClusterRecord, type LocalProcess } from "./cluster-dir.ts";
import { stopCluster } from "./cluster-down.ts";
import { bindable, freePorts } from "./free-port.ts";
import { isAlive, processStart } from "./process-identity.ts";
import { executorArguments, type NodePlan, schedulerArguments, spicedProgram } from "./spiced-command.ts";
import { waitUntilReady } from "./wait-until-ready.ts";

export interface ClusterUpOptions {
  readonly executors: number;
  /** Path of the spicepod. */
  readonly spicepod: string;
  /** `HOST:PORT` of the scheduler's HTTP API. */
  readonly http: string;
  readonly readyTimeoutMs: number;
  /** The program to start instead of this installation's `spiced`. */
  readonly program?: string;
}

/**
 * Start a scheduler and executors as processes of this machine, with mTLS, and wait until every dataset is loaded.
 * They outlive this command. Resolves with what is running; a failure leaves no process behind.
 */
export async function startCluster(io: Io, options: ClusterUpOptions): Promise<ClusterRecord> {
  const dir = new ClusterDir(io.cwd);
  const spicepod = resolve(io.cwd, options.spicepod);
  if (!existsSync(spicepod)) {
    throw new CliError(`There is no spicepod at ${spicepod}. Name one with --spicepod PATH.`);
  }
  const address = parseAddress(options.http);
  if (address === undefined)
    throw new CliError(`--http needs HOST:PORT, not ${options.http}`, { exitCode: 2 });
  refuseWhileRunning(dir);
  await demandFree(options.http, address.host, address.port);
  dir.clear();
  const plans = await planNodes(dir, options, formatAddress(address));
  await issueCertificates(dir, plans);
  const record: { -readonly [K in keyof ClusterRecord]: ClusterRecord[K] } = {
    endpoint: `http://${formatAddress(address)}`,
    spicepod,
    executors: options.executors,
    processes: [],
  };
  try {
    for (const [i, plan] of plans.entries()) {
      const args = i === 0 ? schedulerArguments(plan, spicepod) : executorArguments(plan, plans[0]!.nodePort);
      record.processes = [
        ...record.processes,
        startProcess(io, dir, plan, [options.program ?? spicedProgram, ...args], options.executors),
      ];
      // After each one: an interrupted `up` must leave nothing that `down` does not know.
      dir.write(record);
    }
    await waitUntilReady(io, dir, record, options.readyTimeoutMs);
    return record;
  } catch (error) {
    await stopCluster(dir, record.processes);
    throw error;
  }
}

function refuseWhileRunning(dir: ClusterDir): void {
  const earlier = dir.read();
  if (earlier?.processes.some(isAlive) === true) {
    throw new CliError(
      `A local cluster is already running at ${earlier.endpoint}. Stop it with \`spice cluster down\` first.`,
    );
  }
}

async function demandFree(flag: string, host: string, port: number): Promise<void> {
  const outcome = await bindable(host, port);
  if (outcome === true) return;
  const reason = outcome === "EADDRINUSE" ? "is in use" : `cannot be bound (${outcome})`;
  throw new CliError(
    `${flag} ${reason}. Stop what uses it, or choose another with --http ${host}:${port + 1}`,
  );
}

async function planNodes(dir: ClusterDir, options: ClusterUpOptions, http: string): Promise<NodePlan[]> {
  const ports = await freePorts("127.0.0.1", 3 * (options.executors + 1));
  const next = () => ports.pop()!;
  const names = ["scheduler", ...Array.from({ length: options.executors }, (_, i) => `executor-${i + 1}`)];
  return names.map((name, i) => ({
    name,
    http: i === 0 ? http : `127.0.0.1:${next()}`,
    metricsPort: next(),
    nodePort: next(),
    dataDir: dir.dataDir(name),
    pki: dir.pki,
  }));
}

async function issueCertificates(dir: ClusterDir, plans: readonly NodePlan[]): Promise<void> {
  const pki = new PkiDir(dir.pki);
  const now = Date.now();
  const authority = await createAuthority(now);
  pki.write("ca", authority);
  for (const { name } of plans) pki.write(name, await issueNode(authority, { name, hosts: [] }, now));
}

function startProcess(
  io: Io,
  dir: ClusterDir,
  plan: NodePlan,
  args: readonly string[],
  executors: number,
): LocalProcess {
  mkdirSync(plan.dataDir, { recursive: true });
  const log = dir.openLog(plan.name);
  try {
    const child = spawn(process.execPath, args, {
      cwd: io.cwd,
      // The first partitions are given out once all are there, without a wait for more.
      env: { ...process.env, SPICED_EXPECTED_EXECUTORS: String(executors) },
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.on("error", () => undefined);
    const { pid } = child;
    if (pid === undefined) throw new CliError(`Cannot start ${process.execPath} ${args[0]}`);
    const start = processStart(pid);
    child.unref();
    return { name: plan.name, pid, start: start ?? "", log: dir.logFile(plan.name) };
  } finally {
    dir.closeLog(log);
  }
}
