import {
  type ChannelCredentials,
  type ChannelOptions,
  type ClientUnaryCall,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { AdminServiceClient, type GetClusterResponse } from "@spice-shards/proto";
import { clusterReport } from "./cluster-report.ts";
import { type ClusterAdmin, type ClusterReport, SchedulerUnreachableError } from "./port.ts";

export interface GrpcAdminOptions {
  readonly addresses: readonly string[];
  readonly credentials: ChannelCredentials;
  readonly channel: ChannelOptions;
  readonly callTimeoutMs: number;
  readonly indexOf: (id: string) => number | undefined;
}

type Send<R> = (
  client: AdminServiceClient,
  done: (error: ServiceError | null, response: R) => void,
) => ClientUnaryCall;

/** Schedulers that are asked before giving up; with more, those that are left get their turn at the next call. */
const attempts = 3;

/** {@link ClusterAdmin} over gRPC. Stays with the scheduler that answered last and goes to the next when it fails. */
export class GrpcAdmin implements ClusterAdmin {
  readonly #options: GrpcAdminOptions;
  readonly #clients = new Map<string, AdminServiceClient>();
  #first = 0;
  #closed = false;

  constructor(options: GrpcAdminOptions) {
    this.#options = options;
  }

  async getCluster(signal?: AbortSignal): Promise<ClusterReport> {
    const response = await this.#ask<GetClusterResponse>(signal, (client, done) =>
      client.getCluster({}, done),
    );
    return clusterReport(response, this.#options.indexOf);
  }

  async drain(executors: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const executor of executors) {
      await this.#unlessUnknown(
        this.#ask(signal, (client, done) => client.drain({ executor, deadlineMs: 0 }, done)),
      );
    }
  }

  async undrain(executors: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const executor of executors) {
      await this.#unlessUnknown(this.#ask(signal, (client, done) => client.undrain({ executor }, done)));
    }
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  /** An executor that is no member owns nothing, so there is nothing to do. */
  async #unlessUnknown(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (codeOf(error) !== status.NOT_FOUND) throw error;
    }
  }

  async #ask<R>(signal: AbortSignal | undefined, send: Send<R>): Promise<R> {
    const { addresses } = this.#options;
    if (addresses.length === 0) throw new SchedulerUnreachableError("no scheduler is ready");
    const failures: string[] = [];
    let last: unknown;
    for (let i = 0; i < Math.min(attempts, addresses.length); i++) {
      signal?.throwIfAborted();
      if (this.#closed) throw new SchedulerUnreachableError("the connection was closed");
      const address = addresses[this.#first % addresses.length]!;
      try {
        return await this.#call(address, signal, send);
      } catch (error) {
        signal?.throwIfAborted();
        if (codeOf(error) === status.NOT_FOUND) throw error;
        // The next call dials anew instead of waiting for this channel's back-off.
        this.#clients.get(address)?.close();
        this.#clients.delete(address);
        this.#first += 1;
        failures.push(`${address}: ${reasonOf(error)}`);
        last = error;
      }
    }
    throw new SchedulerUnreachableError(failures.join("; "), { cause: last });
  }

  async #call<R>(address: string, signal: AbortSignal | undefined, send: Send<R>): Promise<R> {
    const { callTimeoutMs, credentials, channel } = this.#options;
    const client = this.#clients.get(address) ?? new AdminServiceClient(address, credentials, channel);
    this.#clients.set(address, client);
    let isLate = false;
    let cancel = () => {};
    const onAbort = () => cancel();
    const timer = setTimeout(() => {
      isLate = true;
      cancel();
    }, callTimeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise<R>((resolve, reject) => {
        const call = send(client, (error, response) => {
          if (error === null) resolve(response);
          else reject(isLate ? new Error(`no answer within ${callTimeoutMs} ms`) : error);
        });
        cancel = () => call.cancel();
      });
    } finally {
      clearTimeout(timer);
      // A listener that stays would keep the call, and with it the connection, as long as the signal lives.
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** gRPC's own words go around the cause: `No connection established. Last error: …`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = "details" in error ? String(error.details) : error.message;
  const cause = /Last error: (?:Error: )?(.*?)(?:\. Resolution note: .*)?$/s.exec(text)?.[1] ?? text;
  return (cause.split("\n")[0] ?? cause).trim();
}
