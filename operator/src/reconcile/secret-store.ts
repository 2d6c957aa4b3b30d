import { type Client, differences, isNotFound, listRulesOf, StatusError } from "@spice-shards/kube";
import { fieldManager } from "../api/names.ts";
import type { KubernetesObject, OwnerReference } from "../render/context.ts";
import { types } from "./cache/resource-types.ts";
import type { SecretObject } from "./objects.ts";

/**
 * Secrets, one by one: read by GET, never listed or watched, and written only on top of the version that was read, so
 * that a leader of the past cannot undo what its successor wrote. What is in them is never part of an error or a log line.
 */
export class SecretStore {
  readonly #client: Pick<Client, "get" | "create" | "patch" | "delete">;

  constructor(client: Pick<Client, "get" | "create" | "patch" | "delete">) {
    this.#client = client;
  }

  async read(namespace: string, name: string, signal: AbortSignal): Promise<SecretObject | undefined> {
    try {
      return await this.#client.get<SecretObject>(types.secret, { namespace, name }, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * Makes a Secret what is wanted; sends nothing when it is. `live` is what was read.
   *
   * @throws StatusError with a conflict when somebody else wrote it meanwhile.
   */
  async write(
    wanted: KubernetesObject,
    live: SecretObject | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly object: SecretObject; readonly wrote: boolean }> {
    const { name, namespace } = wanted.metadata;
    const object = wanted as SecretObject;
    if (live === undefined) {
      const created = await withoutContent(`create Secret ${namespace}/${name}`, () =>
        this.#client.create(types.secret, object, { fieldManager, signal }),
      );
      return { object: created, wrote: true };
    }
    if (!differs(object, live)) return { object: live, wrote: false };
    const { labels, annotations, ownerReferences } = wanted.metadata;
    const resourceVersion = live.metadata.resourceVersion;
    const gone = Object.keys(live.data ?? {}).filter((key) => object.data?.[key] === undefined);
    const body = {
      metadata: { resourceVersion, labels, annotations, ownerReferences },
      data: { ...Object.fromEntries(gone.map((key) => [key, null])), ...object.data },
    };
    const patched = await withoutContent(`patch Secret ${namespace}/${name}`, () =>
      this.#client.patch<SecretObject>(
        types.secret,
        { namespace, name },
        { type: "merge", body },
        { fieldManager, signal },
      ),
    );
    return { object: patched, wrote: true };
  }

  /** Has garbage collection take a Secret that another controller made for us, with the owner. */
  async adopt(live: SecretObject, owner: OwnerReference, signal: AbortSignal): Promise<void> {
    const { name = "", namespace = "", resourceVersion, ownerReferences = [] } = live.metadata;
    if (ownerReferences.some(({ uid }) => uid === owner.uid)) return;
    const body = { metadata: { resourceVersion, ownerReferences: [...ownerReferences, owner] } };
    await withoutContent(`patch Secret ${namespace}/${name}`, () =>
      this.#client.patch(
        types.secret,
        { namespace, name },
        { type: "merge", body },
        { fieldManager, signal },
      ),
    );
  }

  /** Deletes a Secret of ours; none is no error. */
  async remove(namespace: string, name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.delete(types.secret, { namespace, name }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** Whether the Secret has anything otherwise than wanted, or data besides. */
function differs(wanted: SecretObject, live: SecretObject): boolean {
  const extra = Object.keys(live.data ?? {}).some((key) => wanted.data?.[key] === undefined);
  return extra || differences(wanted, live, listRulesOf("Secret")).length > 0;
}

/** The server may quote what it refuses. */
async function withoutContent<T>(request: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new StatusError(error.code, { code: error.code, reason: error.reason }, request);
  }
}
