import { readFile } from "node:fs/promises";
import { openSecretStores, type SecretStores, type Spicepod } from "@spice-shards/spicepod";

/** The secret stores of a spicepod as this process has them: its environment, and its files. */
export function localSecretStores(settings: Spicepod["secrets"]): SecretStores {
  return openSecretStores(settings, {
    env: process.env,
    readFile: async (path) => {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
  });
}
