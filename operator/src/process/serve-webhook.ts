import type { Client, Clock, Random } from "@spice-shards/kube";
import type { Registry } from "prom-client";
import type { Log } from "../log.ts";
import type { AdmissionPolicy } from "../webhook/admission-policy.ts";
import { WebhookCertificate } from "../webhook/certificate/webhook-certificate.ts";
import { handleReview } from "../webhook/handle-review.ts";
import { lookupsOf } from "../webhook/lookups.ts";
import { reviewMetrics } from "../webhook/review-metrics.ts";
import { WebhookServer } from "../webhook/webhook-server.ts";
import type { BindAddress } from "./run-options.ts";
import { webhookNames } from "./webhook-names.ts";

export interface ServeWebhookOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registry: Registry;
  readonly name: string;
  readonly namespace: string;
  readonly clusterDomain: string;
  readonly watchNamespaces: readonly string[];
  readonly policy: AdmissionPolicy;
  readonly address: BindAddress;
  /** Told when reviews are answered, with the port. */
  readonly onServing: (port: number) => void;
}

/** For callers that have not seen yet that this replica is going. */
const lingerMs = 3000;
const graceMs = 2000;

/**
 * Serves the webhook until `signal` aborts, with a certificate that it keeps itself.
 * @throws Error when the address cannot be listened on.
 */
export async function serveWebhook(options: ServeWebhookOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, random, log, registry, policy } = options;
  const judging = {
    policy,
    lookups: lookupsOf(client, clock, options.watchNamespaces),
    clock,
    log,
    onReview: reviewMetrics(registry),
  };
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const failed = Promise.withResolvers<never>();
  let server: WebhookServer | undefined;
  const certificate = new WebhookCertificate({
    client,
    clock,
    random,
    log,
    ...webhookNames(options),
    onLeaf(leaf) {
      if (server !== undefined) return server.setCertificate(leaf);
      server = new WebhookServer({ handle: (body) => handleReview(body, judging) }, leaf);
      server.listen(options.address).then(options.onServing, failed.reject);
    },
  });
  const kept = certificate.run(both);
  try {
    await Promise.race([kept, failed.promise]);
  } finally {
    ended.abort(new Error("the webhook has ended"));
    await kept;
    if (server !== undefined && signal.aborted) {
      await clock.sleep(lingerMs);
      await server.close(graceMs);
    }
  }
}
