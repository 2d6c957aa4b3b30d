/**
 * Installs what test tiers need into a cache outside the clone, keyed by versions; cheap when repeated.
 *
 * As a program: `node scripts/testbed/provision.ts [tier…]`.
 */
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { MissingToolError } from "./build.ts";
import { type Part, parts } from "./parts.ts";
import { type Tier, tiers } from "./tiers.ts";

/** The cache that all clones share. */
export const cacheDir =
  process.env["CACHE_DIR"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "spice-shards");

/** Environment variables that tell tests where things are, and the reasons why a part is missing. */
export interface Provisioned {
  readonly env: Record<string, string>;
  readonly missing: string[];
}

/** Provide all parts of one tier. */
export async function provision(tier: Tier): Promise<Provisioned> {
  mkdirSync(cacheDir, { recursive: true });
  const env: Record<string, string> = {};
  const missing: string[] = [];
  for (const part of tiers[tier] as readonly Part[]) {
    try {
      Object.assign(env, await parts[part](cacheDir));
    } catch (error) {
      if (!(error instanceof MissingToolError)) throw error;
      missing.push(`${part}: ${error.message}`);
    }
  }
  return { env, missing };
}

if (import.meta.filename === process.argv[1]) {
  const asked = process.argv.slice(2);
  for (const tier of (asked.length > 0 ? asked : Object.keys(tiers)) as Tier[]) {
    const { env, missing } = await provision(tier);
    for (const [name, value] of Object.entries(env)) console.log(`${name}=${value}`);
    for (const reason of missing) console.log(`missing for ${tier}: ${reason}`);
  }
}
