import { type Client, isNotFound, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { type CertificateState, decodeState, encodeState } from "./state.ts";

export const secretType: ResourceType = {
  group: "",
  version: "v1",
  plural: "secrets",
  kind: "Secret",
  namespaced: true,
};

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly type?: string;
}

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** What the Secret holds: nothing when it is absent, an error beside its version when it cannot be used. */
export type StoredState =
  | { readonly kind: "absent" }
  | { readonly kind: "held"; readonly version: string; readonly state: CertificateState }
  | { readonly kind: "unusable"; readonly version: string; readonly why: string };

type SecretClient = Pick<Client, "get" | "create" | "patch">;

/** @throws StatusError and the like when the Secret cannot be read */
export async function readState(
  client: SecretClient,
  place: SecretName,
  signal: AbortSignal,
): Promise<StoredState> {
  let secret: Secret;
  try {
    secret = await client.get<Secret>(secretType, place, signal);
  } catch (error) {
    if (isNotFound(error)) return { kind: "absent" };
    throw error;
  }
  const version = secret.metadata.resourceVersion ?? "";
  try {
    return { kind: "held", version, state: decodeState(secret.data ?? {}) };
  } catch (error) {
    return { kind: "unusable", version, why: (error as Error).message };
  }
}

/**
 * Writes the Secret on the condition that it is still as it was read: replicas that write at once agree on one.
 * @throws StatusError: a conflict or AlreadyExists when another was faster
 */
export async function writeState(
  client: SecretClient,
  place: SecretName,
  state: CertificateState,
  before: StoredState,
  signal: AbortSignal,
): Promise<void> {
  const data = encodeState(state);
  if (before.kind === "absent") {
    const labels = { "app.kubernetes.io/managed-by": "spiceai-operator" };
    const metadata = { ...place, labels };
    const secret = { apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", data };
    await client.create<Secret>(secretType, secret, { signal });
    return;
  }
  const body = { metadata: { resourceVersion: before.version }, data };
  await client.patch(secretType, place, { type: "merge", body }, { signal });
}
