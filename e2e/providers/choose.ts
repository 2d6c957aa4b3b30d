import { existing } from "./existing.ts";
import { kind } from "./kind.ts";
import { local } from "./local.ts";
import type { Provider } from "./provider.ts";

const providers: Readonly<Record<string, Provider>> = { local, kind, existing };

/** The provider that `PROVIDER` names, by default `local`. @throws RangeError for another name */
export function chooseProvider(name = process.env["PROVIDER"] ?? "local"): Provider {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (provider === undefined)
    throw new RangeError(`There is no PROVIDER=${name}: there are ${Object.keys(providers).join(", ")}`);
  return provider;
}

if (import.meta.filename === process.argv[1]) {
  // `node e2e/providers/choose.ts`: says before anything is built that there is no such provider.
  try {
    chooseProvider();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}
