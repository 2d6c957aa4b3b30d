import { certificateFacts, issueLeaf, type PemPair } from "@spice-shards/certificates";
import type { KubeObject } from "@spice-shards/kube";
import type { SecretObject } from "../../src/reconcile/objects.ts";

export interface CertificateObject extends KubeObject {
  readonly spec: {
    readonly secretName: string;
    readonly secretTemplate?: { readonly labels?: Record<string, string> };
    readonly issuerRef: { readonly name: string; readonly kind: string; readonly group: string };
    readonly commonName: string;
    readonly dnsNames: readonly string[];
    readonly uris: readonly string[];
    readonly duration: string;
    readonly renewBefore: string;
  };
  readonly status?: unknown;
}

/** Where Certificates and Secrets are: a fake store, or a real API server. */
export interface CertificateStore {
  certificates(): Promise<readonly CertificateObject[]>;
  secret(namespace: string, name: string): Promise<SecretObject | undefined>;
  putSecret(secret: SecretObject): Promise<void>;
  setStatus(certificate: CertificateObject, status: object): Promise<void>;
}

/**
 * What cert-manager does with Certificates: it signs what has no Secret, another issuer, other names, or is due, with the
 * authority that the issuer's name stands for. Signing is real.
 */
export class CertManagerDouble {
  readonly #store: CertificateStore;
  readonly #nowMs: () => number;
  /** Authorities by the name of the issuer; Certificates of others are never ready. */
  readonly authorities = new Map<string, PemPair>();
  /** How many certificates it has signed. */
  signed = 0;

  constructor(store: CertificateStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** One look at all Certificates. */
  async play(): Promise<void> {
    for (const certificate of await this.#store.certificates())
      if (certificate.metadata.deletionTimestamp === undefined) await this.#look(certificate);
  }

  async #look(certificate: CertificateObject): Promise<void> {
    const { namespace = "" } = certificate.metadata;
    const { secretName, issuerRef } = certificate.spec;
    const present = await this.#store.secret(namespace, secretName);
    if (present !== undefined && this.#isCurrent(certificate, present)) {
      await this.#tell(certificate, "True", "Ready", "Certificate is up to date and has not expired");
      return;
    }
    const authority = this.authorities.get(issuerRef.name);
    if (authority === undefined) {
      const message = "Issuing certificate as Secret does not exist";
      await this.#tell(certificate, "False", "DoesNotExist", message);
      return;
    }
    const secret = await this.#issue(certificate, present, authority);
    // Signing takes its time.
    const { uid } = certificate.metadata;
    if (!(await this.#store.certificates()).some(({ metadata }) => metadata.uid === uid)) return;
    await this.#store.putSecret(secret);
    this.signed += 1;
    await this.#tell(certificate, "True", "Ready", "Certificate is up to date and has not expired");
  }

  async #issue(
    { metadata, spec }: CertificateObject,
    present: SecretObject | undefined,
    authority: PemPair,
  ): Promise<SecretObject> {
    const validMs = hoursOf(spec.duration) * 3_600_000;
    const subject = { commonName: spec.commonName, hosts: spec.dnsNames, uris: spec.uris };
    const pair = await issueLeaf(authority, subject, { nowMs: this.#nowMs(), validMs });
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    return {
      ...{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls" },
      metadata: {
        ...present?.metadata,
        name: spec.secretName,
        namespace: metadata.namespace ?? "",
        labels: { ...present?.metadata.labels, ...spec.secretTemplate?.labels },
        annotations: {
          "cert-manager.io/certificate-name": metadata.name ?? "",
          "cert-manager.io/issuer-name": spec.issuerRef.name,
          "test/names": namesOf(spec),
        },
      },
      data: {
        "tls.crt": base64(pair.certificate),
        "tls.key": base64(pair.key),
        "ca.crt": base64(authority.certificate),
      },
    };
  }

  #isCurrent({ spec }: CertificateObject, { metadata, data = {} }: SecretObject): boolean {
    const { annotations = {} } = metadata;
    const pem = Buffer.from(data["tls.crt"] ?? "", "base64").toString();
    return (
      annotations["cert-manager.io/issuer-name"] === spec.issuerRef.name &&
      annotations["test/names"] === namesOf(spec) &&
      this.#nowMs() < certificateFacts(pem).notAfterMs - hoursOf(spec.renewBefore) * 3_600_000
    );
  }

  async #tell(certificate: CertificateObject, status: string, reason: string, message: string) {
    const conditions = [{ type: "Ready", status, reason, message }];
    if (JSON.stringify(certificate.status) === JSON.stringify({ conditions })) return;
    await this.#store.setStatus(certificate, { conditions });
  }
}

function namesOf({ dnsNames, uris }: CertificateObject["spec"]): string {
  return [...dnsNames, ...uris].join();
}

function hoursOf(duration: string): number {
  return Number(/^(\d+)h/.exec(duration)?.[1] ?? Number.NaN);
}
