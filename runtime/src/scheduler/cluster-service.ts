import { randomUUID } from "node:crypto";
import { type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type {
  ClusterServiceServer,
  ControlStreamRequest,
  ControlStreamResponse,
  SchedulerInstance,
  TableAssignment,
} from "@spice-shards/proto";
import type { ExecutorRegistry, NewSession } from "./executor-registry.ts";

/** Protocol versions that this build speaks. */
export const protocolRange = { min: 1, max: 1 } as const;

/** What the service needs of the scheduler that it fronts. */
export interface ClusterServiceHost {
  readonly schedulerId: string;
  readonly executors: ExecutorRegistry;
  /** The spicepod in force. */
  app(): { readonly text: string; readonly generation: number; readonly sha256: string };
  /** Resolve one secret; rejects when the spicepod does not use the key. */
  expandSecret(key: string): Promise<string>;
  schedulers(): readonly SchedulerInstance[];
  /** The executor's share of the document; undefined until the first assignment cycle finished. */
  assignments(executor: string): { revision: number; tables: TableAssignment[] } | undefined;
  /** This scheduler's last confirmation against the store; re-read first for an executor that was silent. */
  confirmation(executor: string): Promise<{ revision: number; ageMs: number }>;
  acknowledged(executor: string, commandId: string, error: string): void;
  peerNews(
    scheduler: string,
    revision: number,
    suspected: readonly string[],
  ): { revision: number; heard: string[] };
  metrics(): Promise<string>;
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
        host.warn("Secret was not expanded", { key, cause: String(error) });
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
    getMetrics: unary(["scheduler"], async () => ({ text: await host.metrics() })),
    peerNews: unary(["scheduler"], ({ schedulerId, revision, suspectedExecutors }) => {
      const answer = host.peerNews(schedulerId, revision, suspectedExecutors);
      return { revision: answer.revision, heardExecutors: answer.heard };
    }),
  };
}

function controlStream(
  host: ClusterServiceHost,
  call: ServerDuplexStream<ControlStreamRequest, ControlStreamResponse>,
): void {
  let session: NewSession | undefined;
  const fail = (code: status, message: string) => call.destroy(new StatusError(code, message));
  call.on("data", (request: ControlStreamRequest) => {
    const { message, executorId } = request;
    if (session === undefined) {
      if (message?.$case !== "hello" || executorId === "") {
        fail(
          status.INVALID_ARGUMENT,
          "the first message of a control stream must be hello with an executor id",
        );
        return;
      }
      const hello = message.value;
      if (hello.protocolMin > protocolRange.max || hello.protocolMax < protocolRange.min) {
        fail(
          status.FAILED_PRECONDITION,
          `executor ${executorId} speaks protocol ${hello.protocolMin} to ${hello.protocolMax}, ` +
            `scheduler ${host.schedulerId} speaks ${protocolRange.min} to ${protocolRange.max}`,
        );
        return;
      }
      try {
        host.authorize(call, ["executor"]);
      } catch (error) {
        fail(status.PERMISSION_DENIED, error instanceof Error ? error.message : String(error));
        return;
      }
      session = {
        id: executorId,
        instanceId: hello.instanceId,
        advertiseAddress: hello.advertiseAddress,
        buildVersion: hello.buildVersion,
        send: (response) => {
          if (call.writable) call.write(response);
        },
        end: () => call.end(),
      };
      session.send({
        commandId: "",
        message: {
          $case: "welcome",
          value: { protocol: Math.min(hello.protocolMax, protocolRange.max), schedulerId: host.schedulerId },
        },
      });
      if (!host.executors.open(session)) {
        session.send({ commandId: "", message: { $case: "replaced", value: { instanceId: "" } } });
        session = undefined;
        call.end();
      }
      return;
    }
    receive(host, session, message);
  });
  const closed = () => {
    if (session !== undefined) host.executors.close(session);
    session = undefined;
  };
  call.on("end", () => {
    closed();
    call.end();
  });
  call.on("error", closed);
  call.on("close", closed);
  call.on("cancelled", closed);
}

function receive(
  host: ClusterServiceHost,
  session: NewSession,
  message: ControlStreamRequest["message"],
): void {
  switch (message?.$case) {
    case "beat": {
      const { counter } = message.value;
      // The answer is a read lease: the store is asked before the beat counts as heard (spec chapter 04, Read lease).
      host.confirmation(session.id).then(
        ({ revision, ageMs }) =>
          session.send({
            commandId: "",
            message: {
              $case: "beatAnswer",
              value: { counter, revision, confirmationAgeMs: Math.ceil(ageMs) },
            },
          }),
        (error: unknown) =>
          host.warn("No confirmation for a beat", { executor: session.id, cause: String(error) }),
      );
      host.executors.beat(session.id, message.value);
      return;
    }
    case "tableState":
      host.executors.report(session.id, message.value);
      return;
    case "ack":
      host.acknowledged(session.id, message.value.commandId, message.value.error);
      return;
    case "hello":
    case undefined:
      host.warn("Unexpected message on a control stream", { executor: session.id, message: message?.$case });
      return;
    default:
      message satisfies never;
  }
}

function grpcError(error: unknown): { code: status; message: string } {
  if (error instanceof StatusError) return { code: error.code, message: error.message };
  return { code: status.INTERNAL, message: error instanceof Error ? error.message : String(error) };
}

/** A fresh command id. */
export function commandId(): string {
  return randomUUID();
}
