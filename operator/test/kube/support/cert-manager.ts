import { setTimeout as delay } from "node:timers/promises";
import { type Client, isConflict, isNotFound } from "@spice-shards/kube";
import { types } from "../../../src/reconcile/cache/resource-types.ts";
import type { SecretObject } from "../../../src/reconcile/objects.ts";
import { type CertificateObject, CertManagerDouble } from "../../support/cert-manager-double.ts";

/** Plays cert-manager on a real API server until it is stopped. */
export class CertManager {
  readonly double: CertManagerDouble;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(client: Client) {
    const store = {
      certificates: async () => {
        const { items } = await client.list<CertificateObject>(types.certificate);
        return items;
      },
      secret: (namespace: string, name: string) =>
        orNone(client.get<SecretObject>(types.secret, { namespace, name })),
      putSecret: async (secret: SecretObject) => {
        const { namespace = "", name = "" } = secret.metadata;
        const present = await orNone(client.get<SecretObject>(types.secret, { namespace, name }));
        if (present === undefined) await client.create(types.secret, secret);
        else {
          const body = { metadata: { annotations: secret.metadata.annotations }, data: secret.data };
          await client.patch(types.secret, { namespace, name }, { type: "merge", body });
        }
      },
      setStatus: async (certificate: CertificateObject, status: object) => {
        const { apiVersion, kind } = { apiVersion: "cert-manager.io/v1", kind: "Certificate" };
        const next = { ...certificate, apiVersion, kind, status };
        await orNone(client.replace<CertificateObject>(types.certificate, next, { subresource: "status" }));
      },
    };
    this.double = new CertManagerDouble(store, Date.now);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.double.play();
      } catch (error) {
        // Objects come and go, and so does the API itself.
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      await delay(100, undefined, { signal }).catch(() => {});
    }
  }
}

async function orNone<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
