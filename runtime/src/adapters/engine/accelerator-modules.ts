import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { messageOf } from "../../core/text/message-of.ts";
import type { AcceleratorRegistry, RegisterAccelerators } from "./registry.ts";

/** What modules of engines import; see `exports` of this package. */
const publicEntry = "@spice-shards/runtime/accelerator";

/**
 * Register the engines of further modules. `modules` is the text of `SPICED_ACCELERATORS`: paths of files or package
 * names, separated by commas; each exports `registerAccelerators`. Wherever such a module lies, its imports of
 * `@spice-shards/runtime/accelerator` give this process's own, so that there is one class of each error.
 * Throws when a module cannot be loaded, exports no such function, or registers a name that is taken.
 */
export async function loadAcceleratorModules(
  registry: AcceleratorRegistry,
  modules: string | undefined,
): Promise<void> {
  const specifiers = (modules ?? "").split(",").map((s) => s.trim());
  if (specifiers.some((specifier) => specifier !== "")) resolvePublicEntryHere();
  for (const specifier of specifiers) {
    if (specifier === "") continue;
    const { registerAccelerators } = await load(specifier);
    if (typeof registerAccelerators !== "function") {
      throw new Error(`SPICED_ACCELERATORS: ${specifier} does not export a function registerAccelerators`);
    }
    registerAccelerators(registry);
  }
}

async function load(specifier: string): Promise<{ registerAccelerators?: RegisterAccelerators }> {
  const url = /^[./]/.test(specifier) ? pathToFileURL(specifier).href : specifier;
  try {
    return (await import(url)) as { registerAccelerators?: RegisterAccelerators };
  } catch (error) {
    throw new Error(`SPICED_ACCELERATORS: ${specifier} cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Engines load what they need when they are first used, so this holds for the life of the process. */
function resolvePublicEntryHere(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === publicEntry || specifier.startsWith(`${publicEntry}/`)
        ? next(specifier, { ...context, parentURL: import.meta.url })
        : next(specifier, context),
  });
}
