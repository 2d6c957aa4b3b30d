import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { AdminServiceService, type ExecutorInfo, type GetClusterResponse } from "@spice-shards/proto";
import type { AdminTls } from "../port.ts";

export interface FakeAdminOptions {
  /** A scheduler's leaf and the bundle by which it knows its callers; absent: plain text. */
  readonly tls?: AdminTls;
  /** `127.0.0.1` unless told; fake pods have others of 127.0.0.0/8. */
  readonly host?: string;
  /** Drawn when absent. */
  readonly port?: number;
}

/** A scheduler's AdminService on loopback whose cluster the test writes. */
export class FakeAdmin {
  /** What GetCluster answers; drains are written into its executors. */
  cluster: GetClusterResponse = {
    revision: 1,
    appGeneration: 1,
    executors: [],
    nodes: [],
    tables: [],
    problems: [],
  };
  /** Every call that arrived, as `GetCluster`, `Drain ID` or `Undrain ID`. */
  readonly calls: string[] = [];
  /** Answers every call with this error while it is set. */
  failure: { readonly code: status; readonly message: string } | undefined;
  /** Never answers while true. */
  silent = false;
  /** Why no executor can be drained; drains end at once while it is undefined. */
  blocked: string | undefined;
  /** `host:port`. */
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async start({ tls, host = "127.0.0.1", port = 0 }: FakeAdminOptions = {}): Promise<FakeAdmin> {
    const server = new Server();
    const own =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(
            Buffer.from(tls.ca),
            [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }],
            true,
          );
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:${port}`, own, (error, result) => (error ? reject(error) : resolve(result)));
    });
    const fake = new FakeAdmin(server, `${host}:${bound}`);
    server.addService(AdminServiceService, {
      getCluster: fake.#serve(
        () => "GetCluster",
        () => fake.cluster,
      ),
      drain: fake.#serve(
        ({ executor }: { executor: string }) => `Drain ${executor}`,
        ({ executor }) => fake.#drain(executor),
      ),
      undrain: fake.#serve(
        ({ executor }: { executor: string }) => `Undrain ${executor}`,
        ({ executor }) => fake.#undrain(executor),
      ),
    });
    return fake;
  }

  /** Adds an executor, or replaces what is known of it. */
  setExecutor(executor: Partial<ExecutorInfo> & { readonly id: string }): void {
    const known = this.#find(executor.id);
    const fresh = { instanceId: "1", state: "active", owned: 0, loaded: 0, moving: 0, drain: undefined };
    const others = this.cluster.executors.filter(({ id }) => id !== executor.id);
    this.cluster = { ...this.cluster, executors: [...others, { ...fresh, ...known, ...executor }] };
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #find(id: string): ExecutorInfo | undefined {
    return this.cluster.executors.find((executor) => executor.id === id);
  }

  /** Undefined: no such executor. */
  #drain(id: string) {
    const executor = this.#find(id);
    if (executor === undefined) return undefined;
    const already = executor.drain !== undefined;
    const drain =
      this.blocked === undefined
        ? { state: "DRAINED", remaining: 0, reason: "" }
        : { state: "BLOCKED", remaining: executor.owned, reason: this.blocked };
    const left = this.blocked === undefined ? { owned: 0, loaded: 0 } : {};
    this.setExecutor({ id, ...left, state: "draining", drain });
    return { ...drain, already };
  }

  #undrain(id: string) {
    const executor = this.#find(id);
    if (executor === undefined) return undefined;
    this.setExecutor({ id, state: "active", drain: undefined });
    return { wasDraining: executor.drain !== undefined };
  }

  #serve<Q, R>(name: (request: Q) => string, answer: (request: Q) => R | undefined) {
    return (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>): void => {
      this.calls.push(name(call.request));
      if (this.silent) return;
      if (this.failure !== undefined) {
        callback(this.failure);
        return;
      }
      const response = answer(call.request);
      if (response === undefined) callback({ code: status.NOT_FOUND, message: "no such executor" });
      else callback(null, response);
    };
  }
}
