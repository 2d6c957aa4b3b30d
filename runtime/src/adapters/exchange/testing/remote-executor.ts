import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import type { Clock } from "../../../ports/clock.ts";
import { systemClock } from "../../system/clock.ts";
import { GrpcExchange } from "../grpc/grpc-client.ts";
import type { ServeSettings } from "./serve-executor.ts";

/** An executor in a child process. Stop it in every case. */
export class RemoteExecutor {
  readonly child: ChildProcess;
  readonly port: number;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, port: number, answers: AsyncIterator<string>) {
    this.child = child;
    this.port = port;
    this.#answers = answers;
  }

  static async start(settings: ServeSettings): Promise<RemoteExecutor> {
    const program = join(import.meta.dirname, "serve-executor.ts");
    const child = spawn(
      process.execPath,
      ["--conditions=source", "--no-warnings", program, JSON.stringify(settings)],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    const lines: Interface = createInterface({ input: child.stdout! });
    const answers = lines[Symbol.asyncIterator]();
    const first = await answers.next();
    if (first.done === true) throw new Error("The executor did not start");
    return new RemoteExecutor(child, (JSON.parse(first.value) as { port: number }).port, answers);
  }

  exchange(
    channelCredentials: ChannelCredentials = credentials.createInsecure(),
    clock: Clock = systemClock,
  ): GrpcExchange {
    return new GrpcExchange({
      address: () => `127.0.0.1:${this.port}`,
      credentials: () => channelCredentials,
      clock,
    });
  }

  /** Resident bytes of the child. */
  async rss(): Promise<number> {
    this.child.stdin?.write("\n");
    const answer = await this.#answers.next();
    return (JSON.parse(String(answer.value)) as { rss: number }).rss;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin?.end();
    const forced = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(forced);
  }
}
