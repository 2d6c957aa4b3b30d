import type { Client } from "../client/client.ts";
import { type KubeObject, objectKey } from "../client/object.ts";
import type { ResourceType, Target } from "../client/resource-type.ts";
import { isInvalid, isNotFound } from "../client/status-error.ts";
import { canonicalJson, digest, toApply } from "./canonical.ts";
import { type Difference, differences } from "./differences.ts";
import { type Leftover, leftovers } from "./leftovers.ts";
import { type ListRule, type ListRules, listRulesOf } from "./schema-rules.ts";

/** What became of an apply. */
export type Applied<T> =
  | { readonly kind: "unchanged"; readonly object: T }
  | { readonly kind: "created"; readonly object: T }
  /** Why: fields that differed, or `removed` when only something is no longer wanted. */
  | { readonly kind: "updated"; readonly object: T; readonly because: readonly Difference[] | "removed" }
  /** The object is being deleted: it is applied again when it is gone. */
  | { readonly kind: "terminating"; readonly object: T };

/** An object of this name belongs to another controller. */
export class ForeignOwnerError extends Error {
  override readonly name = "ForeignOwnerError";
}

export interface ApplierOptions {
  readonly client: Pick<Client, "get" | "apply" | "patch">;
  readonly fieldManager: string;
  /** Annotation that holds the digest of what was last applied, such as `example.com/applied`. */
  readonly annotation: string;
  /** Rules for lists, by kind, then by path: those of kinds that are not built in, and lists that are exclusive. */
  readonly listRules?: Readonly<Record<string, Readonly<Record<string, ListRule>>>>;
}

export interface ApplyOptions<T> {
  readonly signal?: AbortSignal;
  /** The live object when the caller has it (`undefined`: it is not there); else it is read. */
  readonly live?: { readonly object: T | undefined };
}

/** Objects that the server keeps otherwise than asked are remembered, so as not to write them for ever. */
const rememberedAtMost = 10_000;

/**
 * Brings objects to what is wanted by server-side apply, and sends nothing when nothing differs: the live
 * object has every wanted field, and the digest of what was applied last shows that none was dropped since.
 */
export class Applier {
  readonly #options: ApplierOptions;
  /** Key → digest of wanted and of the differences that an apply left. */
  readonly #unsettled = new Map<string, string>();

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /**
   * Makes the live object have all that `wanted` says; fields that others took are taken back, and so are items of
   * lists whose key was edited. One request to write, two or three when there is such an item. An object that
   * `options.live` says is not there, and is, becomes what is wanted as well.
   *
   * @throws ForeignOwnerError when the live object has another controller than `wanted`; what the client throws.
   */
  async apply<T extends KubeObject>(
    type: ResourceType,
    wanted: T,
    options: ApplyOptions<T> = {},
  ): Promise<Applied<T>> {
    const { annotation } = this.#options;
    const body = toApply(wanted);
    const hash = digest(body);
    const annotations = { ...body.metadata.annotations, [annotation]: hash };
    const marked: T = { ...body, metadata: { ...body.metadata, annotations } };
    const live =
      options.live === undefined ? await this.#read(type, wanted, options.signal) : options.live.object;
    const rules = listRulesOf(wanted.kind, this.#options.listRules?.[wanted.kind]);
    const found = live === undefined ? [] : differences(body, live, rules);
    if (live !== undefined) {
      if (live.metadata.deletionTimestamp !== undefined) return { kind: "terminating", object: live };
      refuseForeign(wanted, live);
      const removed = live.metadata.annotations?.[annotation] !== hash;
      if (!removed && (found.length === 0 || this.#isUnsettled(type, wanted, hash, found))) {
        return { kind: "unchanged", object: live };
      }
    }
    const object = await this.#send(type, marked, live, rules, options.signal);
    this.#remember(type, wanted, hash, differences(body, object, rules));
    // A caller that believed it not to be there may have been wrong.
    if (object.metadata.deletionTimestamp !== undefined) return { kind: "terminating", object };
    if (live === undefined) return { kind: "created", object };
    return { kind: "updated", object, because: found.length > 0 ? found : "removed" };
  }

  /**
   * Makes the status subresource what `wanted.status` says. We are the only writer of a status, so anything
   * besides counts as a difference as well.
   *
   * @throws what the client throws; NotFound when the object is gone.
   */
  async applyStatus<T extends KubeObject & { readonly status?: unknown }>(
    type: ResourceType,
    wanted: T,
    live: T,
    signal?: AbortSignal,
  ): Promise<Applied<T>> {
    if (canonicalJson(withoutEmpty(wanted.status)) === canonicalJson(withoutEmpty(live.status))) {
      return { kind: "unchanged", object: live };
    }
    const { client, fieldManager } = this.#options;
    const { apiVersion, kind, metadata, status } = wanted;
    const { name, namespace } = metadata;
    const body = {
      apiVersion,
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      status,
    };
    const object = await client.apply<T>(type, body as T, {
      fieldManager: `${fieldManager}-status`,
      force: true,
      subresource: "status",
      ...(signal === undefined ? {} : { signal }),
    });
    const because = differences(wanted.status, live.status, listRulesOf(kind));
    return { kind: "updated", object, because: because.length > 0 ? because : "removed" };
  }

  /** Applies, and takes away what only stands there because someone edited the key of an item. */
  async #send<T extends KubeObject>(
    type: ResourceType,
    marked: T,
    live: T | undefined,
    rules: ListRules,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { client, fieldManager } = this.#options;
    const write = { fieldManager, ...(signal === undefined ? {} : { signal }) };
    const remove = (from: T, items: readonly Leftover[]) => {
      // Later items first, so that the pointers hold; each is still what was seen, or nothing is removed.
      const body = items.toReversed().flatMap(({ pointer, item }) => [
        { op: "test", path: pointer, value: item },
        { op: "remove", path: pointer },
      ]);
      return client.patch<T>(type, nameOf(from), { type: "json", body }, write);
    };
    const before = leftovers(marked, live, rules);
    const renamed = before.filter(({ isRenamed }) => isRenamed);
    let object: T;
    try {
      object = await client.apply(type, marked, { ...write, force: true });
    } catch (error) {
      // The server takes no second controller.
      if (live === undefined && isInvalid(error)) await this.#refuseUnseen(type, marked, signal);
      // The item as it was edited and the item as it is wanted can exclude each other, as two ports of one name do.
      const inTheWay = renamed.length > 0 ? renamed : before.filter(({ besideMissing }) => besideMissing);
      if (live === undefined || !isInvalid(error) || inTheWay.length === 0) throw error;
      await remove(live, inTheWay);
      object = await client.apply(type, marked, { ...write, force: true });
    }
    // What others have added stays theirs, unless it is ours under another key.
    const surplus = leftovers(marked, object, rules).filter(
      ({ exclusive, path }) => exclusive || renamed.some((item) => item.path === path),
    );
    return surplus.length === 0 ? object : await remove(object, surplus);
  }

  async #read<T extends KubeObject>(
    type: ResourceType,
    wanted: T,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await this.#options.client.get<T>(type, nameOf(wanted), signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** @throws ForeignOwnerError when an object that the caller did not know of belongs to another. */
  async #refuseUnseen(type: ResourceType, wanted: KubeObject, signal?: AbortSignal): Promise<void> {
    const present = await this.#read(type, wanted, signal);
    if (present !== undefined) refuseForeign(wanted, present);
  }

  #isUnsettled(type: ResourceType, wanted: KubeObject, hash: string, found: readonly Difference[]): boolean {
    return this.#unsettled.get(slot(type, wanted)) === `${hash} ${digest(found)}`;
  }

  /** The server may keep a field otherwise than asked, for ever; writing it again would change nothing. */
  #remember(type: ResourceType, wanted: KubeObject, hash: string, left: readonly Difference[]): void {
    const key = slot(type, wanted);
    this.#unsettled.delete(key);
    if (left.length === 0) return;
    this.#unsettled.set(key, `${hash} ${digest(left)}`);
    if (this.#unsettled.size > rememberedAtMost) {
      const [oldest] = this.#unsettled.keys();
      if (oldest !== undefined) this.#unsettled.delete(oldest);
    }
  }
}

function nameOf({ metadata: { name = "", namespace } }: KubeObject): Target {
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function slot(type: ResourceType, object: KubeObject): string {
  return `${type.group}/${type.plural}/${objectKey(object)}`;
}

/** A value without maps that say nothing: the server keeps one after its last field went, or leaves it out. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value)
    .map(([name, part]) => [name, withoutEmpty(part)] as const)
    .filter(([, part]) => part !== undefined && part !== null);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function refuseForeign(wanted: KubeObject, live: KubeObject): void {
  const ours = wanted.metadata.ownerReferences?.find((owner) => owner.controller === true);
  const theirs = live.metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (ours === undefined || theirs === undefined || ours.uid === theirs.uid) return;
  throw new ForeignOwnerError(
    `${live.kind} ${objectKey(live)} belongs to ${theirs.kind} ${theirs.name}, not to ${ours.kind} ${ours.name}`,
  );
}
