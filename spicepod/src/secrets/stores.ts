import type { SecretStoreSettings } from "../model.ts";
import { anyStore } from "./reference.ts";

/** One place where secrets are looked up. */
export interface SecretStore {
  /** The value, or undefined when the store has none of that name. Rejects when it cannot tell. */
  get(name: string, signal?: AbortSignal): Promise<string | undefined>;
}

/** The stores of a spicepod. */
export interface SecretStores {
  /** Looks `name` up in one store, or in all of them (`secrets`), where the store that is listed last wins. */
  get(store: string, name: string, signal?: AbortSignal): Promise<string | undefined>;
}

/** Secrets from environment variables of exactly that name. */
export function envSecretStore(env: Readonly<Record<string, string | undefined>>): SecretStore {
  return { get: async (name) => (Object.hasOwn(env, name) ? env[name] : undefined) };
}

/** Reads a text file; undefined when there is none. */
export type ReadSecretFile = (path: string, signal?: AbortSignal) => Promise<string | undefined>;

/**
 * Secrets from a directory with one file for each, as Kubernetes mounts them. One line break at the end of a file is
 * not part of the value. Files are read at each use, so that a changed mount is seen.
 */
export function fileSecretStore(directory: string, read: ReadSecretFile): SecretStore {
  return {
    async get(name, signal) {
      if (!/^[A-Za-z0-9_.-]+$/.test(name) || /^\.+$/.test(name)) return undefined;
      const text = await read(`${directory.replace(/\/+$/, "")}/${name}`, signal);
      return text?.replace(/\r?\n$/, "");
    },
  };
}

/** Opens the stores that a spicepod lists. */
export function openSecretStores(
  settings: readonly SecretStoreSettings[],
  access: { readonly env: Readonly<Record<string, string | undefined>>; readonly readFile: ReadSecretFile },
): SecretStores {
  const stores = new Map<string, SecretStore>(
    settings.map(({ from, name }) => [
      name,
      from === "env"
        ? envSecretStore(access.env)
        : fileSecretStore(from.slice("file:".length), access.readFile),
    ]),
  );
  return {
    async get(store, name, signal) {
      if (store !== anyStore) return stores.get(store)?.get(name, signal);
      for (const each of [...stores.values()].reverse()) {
        const value = await each.get(name, signal);
        if (value !== undefined) return value;
      }
      return undefined;
    },
  };
}
