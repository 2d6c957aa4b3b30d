import type { TableAssignment } from "@spice-shards/proto";
import type { Clock } from "../ports/clock.ts";
import { commandId } from "./cluster-service.ts";
import type { ExecutorRegistry } from "./executor-registry.ts";

export interface NotifierOptions {
  readonly executors: ExecutorRegistry;
  readonly clock: Clock;
  /** An executor's whole share per table, as the document known here gives it. */
  assignments(executor: string): readonly TableAssignment[];
  warn(message: string, detail: Record<string, unknown>): void;
}

interface Sent {
  readonly instanceId: string;
  readonly revision: number;
  readonly commandId: string;
  sentAtMs: number;
  acknowledged: boolean;
}

/** An unacknowledged assignment is sent again after this long. */
const resendAfterMs = 5_000;

/**
 * Tells executors what the document gives them (spec chapter 04, Assignment, Notify). Each message holds an
 * executor's whole share of a table, so delivery is idempotent, and what was not acknowledged is sent again.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #sent = new Map<string, Sent>();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Send to every connected executor what it has not acknowledged yet. Cheap when there is nothing to say. */
  notifyAll(): void {
    const { executors, clock } = this.#options;
    const now = clock.monotonicMs();
    for (const session of executors.sessions()) {
      for (const assignment of this.#options.assignments(session.id)) {
        const slot = `${session.id}\n${assignment.table}`;
        const last = this.#sent.get(slot);
        const current =
          last !== undefined &&
          last.instanceId === session.instanceId &&
          last.revision >= assignment.revision;
        if (current && (last.acknowledged || now - last.sentAtMs < resendAfterMs)) continue;
        const id = current ? last.commandId : commandId();
        this.#sent.set(slot, {
          instanceId: session.instanceId,
          revision: assignment.revision,
          commandId: id,
          sentAtMs: now,
          acknowledged: false,
        });
        session.send({ commandId: id, message: { $case: "updatePartitions", value: assignment } });
      }
    }
  }

  /** Take an executor's answer; false when the command is not one of this notifier's. */
  acknowledged(executor: string, id: string, error: string): boolean {
    for (const [slot, sent] of this.#sent) {
      if (sent.commandId !== id || !slot.startsWith(`${executor}\n`)) continue;
      if (error === "") sent.acknowledged = true;
      else this.#options.warn("An executor refused an assignment", { executor, error });
      return true;
    }
    return false;
  }

  /** Drop what was said to an executor whose stream ended: a new stream hears everything again. */
  forget(executor: string): void {
    for (const slot of this.#sent.keys()) {
      if (slot.startsWith(`${executor}\n`)) this.#sent.delete(slot);
    }
  }
}
