import type {
  ControlStreamRequest,
  ControlStreamResponse,
  TableAssignment as WireAssignment,
} from "@spice-shards/proto";
import type {
  ExecutorMessage,
  HeldPartition,
  HoldRole,
  SchedulerMessage,
  TableAssignment,
} from "../core/cluster/membership/messages.ts";

/** A message of the session as it goes over a control stream. */
export function toWire(
  message: ExecutorMessage,
  identity: { advertiseAddress: string; buildVersion: string; startedAtMs: number },
): ControlStreamRequest["message"] {
  switch (message.kind) {
    case "hello":
      return {
        $case: "hello",
        value: {
          protocolMin: message.protocol.min,
          protocolMax: message.protocol.max,
          instanceId: message.instance,
          registered: message.registered,
          held: [...message.held],
          generation: message.generation,
          clusterId: message.cluster ?? "",
          ...identity,
        },
      };
    case "beat":
      return { $case: "beat", value: { counter: message.counter, memoryAvailableBytes: 0, tasksActive: 0 } };
    case "ack":
      return { $case: "ack", value: { commandId: message.command, error: message.error ?? "" } };
    case "report":
      return { $case: "report", value: { error: "", lastRefreshMs: 0, ...message.report } };
    default:
      return message satisfies never;
  }
}

/** What came over a control stream, for the session; undefined for what is not the session's. */
export function fromWire(response: ControlStreamResponse): SchedulerMessage | undefined {
  const { message, commandId } = response;
  switch (message?.$case) {
    case "welcome":
      return { kind: "welcome", revision: message.value.revision, cluster: message.value.clusterId };
    case "beatAnswer": {
      const { counter, revision, confirmationAgeMs } = message.value;
      return { kind: "beat-answer", counter, revision, ageMs: confirmationAgeMs };
    }
    case "updatePartitions":
      return { kind: "update-partitions", command: commandId, assignment: assignmentFromWire(message.value) };
    case "appChanged":
      return { kind: "app-changed", command: commandId, app: message.value };
    case "replaced":
      return { kind: "replaced", reason: message.value.reason };
    case "refreshDataset":
    case undefined:
      return undefined;
    default:
      return message satisfies never;
  }
}

export function assignmentFromWire(wire: WireAssignment): TableAssignment {
  return {
    table: wire.table,
    revision: wire.revision,
    expressions: wire.expressions,
    partitions: wire.partitions.map(
      ({ key, epoch, role, from }): HeldPartition => ({
        key,
        epoch,
        role: roleFromWire(role),
        ...(from === "" ? {} : { from }),
      }),
    ),
  };
}

function roleFromWire(role: string): HoldRole {
  if (role === "owner" || role === "replica" || role === "learner") return role;
  throw new RangeError(`A scheduler sent the unknown role ${JSON.stringify(role)} for a partition`);
}
