import { anyStore, findReferences } from "../secrets/reference.ts";
import { suggest } from "../suggest.ts";
import { walk } from "../tree/tree.ts";
import type { CheckContext } from "./context.ts";

/** The fields whose secret references are resolved. */
const resolved = /(^|\.)params\.[^.]+$|^runtime\.auth\.api_key\.keys\[\d+\]$/;

/** `${NAME}` without a store, the way shells and other tools write it. */
const bare = /\$\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}/;

/** Every secret reference stands where it is resolved and names a store that exists. */
export function checkSecrets(context: CheckContext): void {
  const stores = [anyStore, ...context.spicepod.secrets.map(({ name }) => name)];
  for (const tree of walk(context.tree)) {
    if (tree.kind !== "string" || tree.path.startsWith("metadata")) continue;
    const found = findReferences(tree.value);
    if (!resolved.test(tree.path)) {
      if (found.length > 0) {
        const message = `holds the secret reference \`${found[0]?.text}\`, but only \`params\` and \`runtime.auth.api_key.keys\` are resolved.`;
        context.fail(tree.path, message);
      }
      continue;
    }
    for (const { store, name, text } of found) {
      if (stores.includes(store)) continue;
      const near = suggest(store, stores) ?? anyStore;
      context.fail(
        tree.path,
        `\`${text}\` names the secret store \`${store}\`, which is not listed under \`secrets\`.`,
        {
          suggestion: `\${${near}:${name}}`,
        },
      );
    }
    const name = tree.value.match(bare)?.[1];
    if (name !== undefined) {
      context.fail(tree.path, `\`\${${name}}\` names no secret store.`, {
        suggestion: `\${${anyStore}:${name}}`,
      });
    }
  }
}
