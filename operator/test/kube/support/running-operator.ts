import {
  type ClientOptions,
  type EventNote,
  EventRecorder,
  type KubeObject,
  systemClock,
  systemRandom,
} from "@spice-shards/kube";
import { Registry } from "prom-client";
import type { Access, ApiServer } from "../../../../kube/test/support/api-server.ts";
import type { AdminDialer } from "../../../src/admin/port.ts";
import { jsonLog } from "../../../src/log.ts";
import { operatorMetrics } from "../../../src/metrics.ts";
import { createController } from "../../../src/reconcile/controller.ts";
import { defaultSettings, type OperatorSettings } from "../../../src/reconcile/settings.ts";

export interface OperatorOptions {
  readonly dialer: AdminDialer;
  readonly access?: Access;
  readonly settings?: Partial<OperatorSettings>;
  readonly client?: Partial<ClientOptions>;
}

/** The operator's controller in this process, as a user of an API server. */
export class RunningOperator {
  /** Log lines, oldest first. */
  readonly log: Record<string, unknown>[] = [];
  /** Reasons of the events it recorded. */
  readonly events: string[] = [];
  readonly registry = new Registry();
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;

  constructor(api: ApiServer, options: OperatorOptions) {
    const metrics = operatorMetrics(this.registry);
    const transport = api.transport({ user: "operator", ...options.access });
    const client = api.client({}, { transport, onRequest: metrics.apiRequest, ...options.client });
    const log = jsonLog((line) => this.log.push(JSON.parse(line) as Record<string, unknown>), Date.now);
    const recorder = new EventRecorder({
      client,
      clock: systemClock,
      random: systemRandom,
      controller: "spice.ai/operator",
      instance: "test",
    });
    const controller = createController({
      client,
      dialer: options.dialer,
      clock: systemClock,
      random: systemRandom,
      log,
      metrics,
      events: {
        record: (regarding: KubeObject, event: EventNote) => {
          this.events.push(event.reason);
          recorder.record(regarding, event);
        },
      },
      settings: { ...defaultSettings, ...options.settings },
    });
    const { signal } = this.#stop;
    this.#ended = Promise.all([controller.run(signal), recorder.run(signal)]).finally(() =>
      transport.close(),
    );
    // Whoever stops it is told; until then nobody may listen.
    this.#ended.catch(() => {});
  }

  /** Lines of level error. */
  get errors(): Record<string, unknown>[] {
    return this.log.filter(({ level }) => level === "error");
  }

  /** Ends it as a signal would; throws what ended it before. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the test stops the operator"));
    await this.#ended;
  }
}
