import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LuaFactory } from "wasmoon";

const script = readFileSync(
  join(
    import.meta.dirname,
    ...["..", "..", "examples", "argocd", "resource_customizations", "spice.ai", "SpicepodCluster"],
    "health.lua",
  ),
  "utf8",
);

/** What Argo CD shows of a live object: `Healthy AsExpected: …`. */
export async function argoHealth(object: object): Promise<string> {
  const lua = await new LuaFactory().createEngine();
  try {
    lua.global.set("obj", object);
    const { status, message } = (await lua.doString(script)) as { status: string; message: string };
    return `${status} ${message}`;
  } finally {
    lua.global.close();
  }
}
