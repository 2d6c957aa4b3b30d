import type {
  ControlStreamRequest,
  ControlStreamResponse,
  TableAssignment as WireAssignment,
} from "@spice-shards/proto";
import type {
  ExecutorMessage,
  SchedulerMessage,
  TableAssignment,
} from "../core/cluster/membership/messages.ts";

/** What came over a control stream, for the desk; undefined for what is not the desk's. */
export function fromWire(
  executor: string,
  message: ControlStreamRequest["message"],
): ExecutorMessage | undefined {
  switch (message?.$case) {
    case "hello": {
      const { instanceId, protocolMin, protocolMax, registered, held, generation, clusterId } = message.value;
      return {
        kind: "hello",
        executor,
        instance: instanceId,
        protocol: { min: protocolMin, max: protocolMax },
        registered,
        held,
        generation,
        cluster: clusterId === "" ? undefined : clusterId,
      };
    }
    case "beat":
      return { kind: "beat", counter: message.value.counter };
    case "ack": {
      const { commandId, error } = message.value;
      return { kind: "ack", command: commandId, ...(error === "" ? {} : { error }) };
    }
    case "report": {
      const { state, error, ...rest } = message.value;
      const known = state === "loaded" || state === "failed" ? state : "loading";
      return { kind: "report", report: { ...rest, state: known, ...(error === "" ? {} : { error }) } };
    }
    case "table":
    case "node":
    case undefined:
      return undefined;
    default:
      return message satisfies never;
  }
}

/** A message of the desk as it goes over a control stream. */
export function toWire(message: SchedulerMessage): ControlStreamResponse {
  switch (message.kind) {
    case "welcome":
      return {
        commandId: "",
        message: {
          $case: "welcome",
          value: { protocol: 1, revision: message.revision, clusterId: message.cluster },
        },
      };
    case "beat-answer": {
      const { counter, revision, ageMs } = message;
      const value = { counter, revision, confirmationAgeMs: Math.ceil(ageMs) };
      return { commandId: "", message: { $case: "beatAnswer", value } };
    }
    case "update-partitions":
      return {
        commandId: message.command,
        message: { $case: "updatePartitions", value: assignmentToWire(message.assignment) },
      };
    case "app-changed":
      return { commandId: message.command, message: { $case: "appChanged", value: message.app } };
    case "replaced":
      return { commandId: "", message: { $case: "replaced", value: { reason: message.reason } } };
    default:
      return message satisfies never;
  }
}

export function assignmentToWire(assignment: TableAssignment): WireAssignment {
  return {
    table: assignment.table,
    revision: assignment.revision,
    expressions: [...assignment.expressions],
    partitions: assignment.partitions.map(({ key, epoch, role, from = "" }) => ({ key, epoch, role, from })),
  };
}
