import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "./process-identity.ts";

/** One process of the local cluster. */
export interface LocalProcess extends ProcessIdentity {
  /** `scheduler`, `executor-1`, … */
  readonly name: string;
  readonly log: string;
}

/** What `cluster up` leaves behind for `cluster down` and for a second `up`. */
export interface ClusterRecord {
  readonly endpoint: string;
  readonly spicepod: string;
  readonly executors: number;
  readonly processes: readonly LocalProcess[];
}

/** `.spice/cluster-local`: certificates, state, data, logs, and the record of the processes. */
export class ClusterDir {
  readonly path: string;

  constructor(cwd: string) {
    this.path = join(cwd, ".spice", "cluster-local");
  }

  get pki(): string {
    return join(this.path, "pki");
  }

  dataDir(name: string): string {
    return join(this.path, "data", name);
  }

  read(): ClusterRecord | undefined {
    const file = this.#recordFile();
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ClusterRecord) : undefined;
  }

  write(record: ClusterRecord): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const temporary = `${this.#recordFile()}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`);
    renameSync(temporary, this.#recordFile());
  }

  /** Forget the processes, their data and state; the logs stay to be read. */
  clear(): void {
    rmSync(this.#recordFile(), { force: true });
    rmSync(join(this.path, "data"), { recursive: true, force: true });
    rmSync(this.pki, { recursive: true, force: true });
  }

  logFile(name: string): string {
    return join(this.path, "logs", `${name}.log`);
  }

  /** A fresh log for a process to write to. The caller closes the descriptor. */
  openLog(name: string): number {
    mkdirSync(join(this.path, "logs"), { recursive: true });
    return openSync(this.logFile(name), "w");
  }

  closeLog(descriptor: number): void {
    closeSync(descriptor);
  }

  lastLines(name: string, count: number): string {
    const file = this.logFile(name);
    if (!existsSync(file)) return "";
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  }

  #recordFile(): string {
    return join(this.path, "processes.json");
  }
}
