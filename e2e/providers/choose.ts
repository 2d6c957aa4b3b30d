import { existing } from "./existing.ts";
import { kind } from "./kind.ts";
import { local } from "./local.ts";
import type { Provider } from "./provider.ts";

const providers: Readonly<Record<string, Provider>> = { local, kind, existing };

/** The provider that `PROVIDER` names, by default `local`. @throws RangeError for another name */
export function chooseProvider(name = process.env["PROVIDER"] ?? "local"): Provider {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (provider === undefined)
    throw new RangeError(`PROVIDER=${name}: there are ${Object.keys(providers).join(", ")}`);
  return provider;
}
