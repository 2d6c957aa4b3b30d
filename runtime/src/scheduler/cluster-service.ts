import { type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type {
  ClusterServiceServer,
  ControlStreamRequest,
  ControlStreamResponse,
  NodeInfo,
  SchedulerInstance,
  TableAssignment,
} from "@spice-shards/proto";
import { messageOf } from "../core/text/message-of.ts";
import type { ExecutorViews } from "./executor-views.ts";
import type { ExecutorDesk } from "./members/executor-desk.ts";
import { type Drains, UnknownExecutorError } from "./moves/drains.ts";
import type { PeerBeat } from "./state/scheduler-observer.ts";
import { fromWire, toWire } from "./wire.ts";

/** What the service needs of the scheduler that it fronts. */
export interface ClusterServiceHost {
  readonly schedulerId: string;
  /** Takes the messages of control streams. */
  readonly desk: Pick<ExecutorDesk, "open">;
  readonly executors: ExecutorViews;
  /** The spicepod in force. */
  app(): { readonly text: string; readonly generation: number; readonly sha256: string };
  /** Resolve one secret; rejects when the spicepod does not use the key. */
  expandSecret(key: string): Promise<string>;
  schedulers(): readonly SchedulerInstance[];
  /** The executor's share of the document; undefined until the first assignment cycle finished. */
  assignments(executor: string): { revision: number; tables: TableAssignment[] } | undefined;
  /** An acknowledgement of a command that this scheduler sent outside the assignment. */
  acknowledged(executor: string, commandId: string, error: string): void;
  readonly drains: Pick<Drains, "drain">;
  /** The process that the document names for an executor; empty for one that is no member. */
  instanceOf(executor: string): string;
  /** The streams that commands can be sent on, by executor. */
  readonly streams: ControlStreams;
  /** So many executors have a control stream here from now on. */
  streamsChanged(open: number): void;
  /** Another scheduler tells its revision, and asks which of the executors that it no longer hears are heard here. */
  peerNews(
    scheduler: string,
    revision: number,
    suspected: readonly string[],
    condition: string,
  ): { revision: number; heard: string[]; beat: PeerBeat };
  metrics(): Promise<string>;
  /** This scheduler's certificates that are in force. */
  node(): NodeInfo;
  /** True when calls are authenticated by mTLS. */
  readonly secure: boolean;
  /** Throws when the peer's certificate does not carry one of the roles. */
  authorize(call: { getAuthContext?: unknown }, roles: readonly string[]): void;
  warn(message: string, detail: Record<string, unknown>): void;
}

class StatusError extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** The gRPC face of a scheduler (spec chapter 04, ClusterService). */
export function clusterService(host: ClusterServiceHost): ClusterServiceServer {
  const unary =
    <Q, R>(roles: readonly string[], handle: (request: Q) => Promise<R> | R) =>
    (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>): void => {
      (async () => {
        host.authorize(call, roles);
        return await handle(call.request);
      })().then(
        (response) => callback(null, response),
        (error: unknown) => callback(grpcError(error)),
      );
    };
  return {
    getAppDefinition: unary(["executor"], () => {
      const app = host.app();
      return { spicepod: app.text, generation: app.generation, sha256: app.sha256 };
    }),
    expandSecret: unary(["executor"], async ({ key }) => {
      if (!host.secure)
        throw new StatusError(status.PERMISSION_DENIED, "Secret expansion requires cluster mTLS");
      if (key === "") throw new StatusError(status.INVALID_ARGUMENT, "Unable to expand secret: empty key");
      try {
        return { value: await host.expandSecret(key) };
      } catch (error) {
        host.warn("Secret was not expanded", { key, cause: messageOf(error) });
        throw new StatusError(status.INVALID_ARGUMENT, `Unable to expand secret ${key}`);
      }
    }),
    getSchedulers: unary(["executor", "scheduler"], () => ({ schedulers: [...host.schedulers()] })),
    allocateInitialPartitions: unary(["executor"], ({ executorId }) => {
      const share = host.assignments(executorId);
      if (share === undefined) {
        throw new StatusError(
          status.UNAVAILABLE,
          "partition assignment pending: scheduler has not completed its first assignment cycle",
        );
      }
      return share;
    }),
    controlStream: (call) => controlStream(host, call),
    leave: unary(["executor"], async ({ executorId, instanceId, deadlineMs }) => {
      if (host.instanceOf(executorId) !== instanceId)
        throw new StatusError(status.NOT_FOUND, `Executor ${executorId} is not here as ${instanceId}`);
      const { state, remaining, reason = "", already } = await host.drains.drain(executorId, deadlineMs);
      return { state, remaining, reason, already };
    }),
    getMetrics: unary(["scheduler"], async () => ({ text: await host.metrics() })),
    peerNews: unary(["scheduler"], ({ schedulerId, revision, suspectedExecutors, condition }) => {
      const answer = host.peerNews(schedulerId, revision, suspectedExecutors, condition);
      return {
        revision: answer.revision,
        heardExecutors: answer.heard,
        instanceId: answer.beat.instance_id,
        beatCounter: answer.beat.counter,
        node: host.node(),
      };
    }),
  };
}

/** Sends commands on open control streams. */
export class ControlStreams {
  readonly #open = new Map<string, (response: ControlStreamResponse) => void>();

  set(executor: string, send: (response: ControlStreamResponse) => void): void {
    this.#open.set(executor, send);
  }

  delete(executor: string, send: (response: ControlStreamResponse) => void): void {
    if (this.#open.get(executor) === send) this.#open.delete(executor);
  }

  /** False when the executor has no stream here. */
  send(executor: string, response: ControlStreamResponse): boolean {
    const send = this.#open.get(executor);
    send?.(response);
    return send !== undefined;
  }

  get count(): number {
    return this.#open.size;
  }
}

function controlStream(
  host: ClusterServiceHost,
  call: ServerDuplexStream<ControlStreamRequest, ControlStreamResponse>,
): void {
  // Not `destroy`: a stream that is destroyed never sends its status, and the executor would hear no more and not know why.
  const refuse = (error: unknown) => call.emit("error", Object.assign(new Error(), grpcError(error)));
  try {
    host.authorize(call, ["executor"]);
  } catch (error) {
    refuse(error);
    return;
  }
  const send = (response: ControlStreamResponse) => {
    if (call.writable) call.write(response);
  };
  let member: { executor: string; instance: string; buildVersion: string } | undefined;
  const connection = host.desk.open((message) => {
    // Only now the document has the instance; before, a view of it would be taken for one of a stranger.
    if (message.kind === "welcome" && member !== undefined) {
      host.executors.joined(member.executor, member.instance, member.buildVersion);
      host.streams.set(member.executor, send);
      host.streamsChanged(host.streams.count);
    }
    send(toWire(message));
    if (message.kind === "replaced") call.end();
  });
  const closed = () => {
    connection.close();
    if (member === undefined) return;
    host.streams.delete(member.executor, send);
    host.streamsChanged(host.streams.count);
    member = undefined;
    host.executors.touch();
  };
  const failed = (error: unknown) => {
    host.warn("A control stream was ended", { executor: member?.executor, cause: messageOf(error) });
    refuse(error);
  };
  call.on("data", ({ executorId, message }: ControlStreamRequest) => {
    if (message?.$case === "table") {
      if (member !== undefined) host.executors.reportTable(member.executor, member.instance, message.value);
      return;
    }
    if (message?.$case === "node") {
      if (member !== undefined) host.executors.reportNode(member.executor, member.instance, message.value);
      return;
    }
    if (message?.$case === "ack" && member !== undefined) {
      host.acknowledged(member.executor, message.value.commandId, message.value.error);
    }
    if (message?.$case === "hello") {
      const { instanceId, buildVersion } = message.value;
      member = { executor: executorId, instance: instanceId, buildVersion };
    }
    if (message?.$case === "report" && member !== undefined) {
      host.executors.report(member.executor, member.instance, message.value);
    }
    const translated = fromWire(executorId, message);
    if (translated === undefined) return;
    connection.receive(translated).catch(failed);
  });
  call.on("end", () => {
    closed();
    call.end();
  });
  call.on("error", closed);
  call.on("close", closed);
  call.on("cancelled", closed);
}

function grpcError(error: unknown): { code: status; message: string } {
  if (error instanceof StatusError) return { code: error.code, message: error.message };
  if (error instanceof UnknownExecutorError) return { code: status.NOT_FOUND, message: error.message };
  if ((error as Error).name === "PeerRefusedError") {
    return { code: status.PERMISSION_DENIED, message: (error as Error).message };
  }
  return { code: status.INTERNAL, message: messageOf(error) };
}
