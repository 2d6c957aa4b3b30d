import type { PemPair } from "@spice-shards/certificates";
import { type Client, type Clock, isAlreadyExists, isConflict, type Random } from "@spice-shards/kube";
import type { Log } from "../../log.ts";
import { advance, firstState } from "./advance.ts";
import { publishBundle } from "./ca-bundle.ts";
import { readState, type SecretName, writeState } from "./secret-store.ts";
import { bundleOf, type CertificateState } from "./state.ts";

export interface WebhookCertificateOptions {
  readonly client: Pick<Client, "get" | "create" | "patch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The Secret that all replicas share. */
  readonly secret: SecretName;
  /** The ValidatingWebhookConfiguration whose CA bundle is kept. */
  readonly configuration: string;
  readonly hosts: readonly string[];
  /** Told of the certificate to serve, and of each that replaces it. */
  readonly onLeaf: (leaf: PemPair) => void;
}

/** Between looks at the Secret and the configuration. */
const lookMs = 30_000;
const retryMs = 2000;
const attempts = 5;

/**
 * The webhook's own certificate: a self-signed root and a leaf in a Secret, renewed at two thirds of their life, the
 * roots written into the webhook's configuration (spec chapter 09, Admission). Every replica does all of it; writes are
 * conditional, so that all serve the same. A Secret that was deleted is written again from what is being served.
 */
export class WebhookCertificate {
  readonly #options: WebhookCertificateOptions;
  #served: CertificateState | undefined;
  #warnedAbsent = false;

  constructor(options: WebhookCertificateOptions) {
    this.#options = options;
  }

  /** Runs until `signal` aborts. Never throws: what fails is logged and done again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    while (!signal.aborted) {
      let pause = lookMs;
      try {
        await this.sync(signal);
      } catch (error) {
        if (signal.aborted) return;
        log.error("the webhook's certificate could not be kept", { error: (error as Error).message });
        pause = retryMs;
      }
      try {
        await clock.sleep(pause * (1 + random.next() / 5), signal);
      } catch {
        return; // Stopped.
      }
    }
  }

  /** One look: brings Secret, configuration and served certificate in line. */
  async sync(signal: AbortSignal): Promise<void> {
    const state = await this.#agree(signal);
    const changed = this.#served?.leaf.certificate !== state.leaf.certificate;
    this.#served = state;
    // A leaf of a new root is served long after that root was published.
    if (changed) this.#options.onLeaf(state.leaf);
    await this.#publish(state, signal);
  }

  /** The state that all replicas share, after every step that is due. */
  async #agree(signal: AbortSignal): Promise<CertificateState> {
    const { client, secret, log, hosts, clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const stored = await readState(client, secret, signal);
      if (stored.kind === "unusable")
        log.warn("the webhook's Secret cannot be used and is written anew", { why: stored.why });
      const options = { hosts, nowMs: clock.wallMs() };
      const before = stored.kind === "held" ? stored.state : this.#served;
      const step = before === undefined ? undefined : await advance(before, options);
      const state = step?.state ?? before ?? (await firstState(options));
      if (stored.kind === "held" && step === undefined) return state;
      try {
        await writeState(client, secret, state, stored, signal);
        log.info("the webhook's certificates were written", { reason: step?.reason ?? "there were none" });
        return state;
      } catch (error) {
        const raced = isConflict(error) || isAlreadyExists(error);
        if (!raced || attempt >= attempts) throw error;
      }
    }
  }

  async #publish(state: CertificateState, signal: AbortSignal): Promise<void> {
    const { client, configuration, log } = this.#options;
    const outcome = await publishBundle(client, configuration, bundleOf(state), signal);
    if (outcome === "written") log.info("the webhook's CA bundle was written", { configuration });
    if (outcome === "absent" && !this.#warnedAbsent)
      log.warn("there is no ValidatingWebhookConfiguration: nothing is judged at admission", {
        configuration,
      });
    this.#warnedAbsent = outcome === "absent";
  }
}
