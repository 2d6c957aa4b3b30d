import type { ParameterSpec } from "@spice-shards/spicepod";
import { SourceParameterError } from "../../ports/source.ts";

/** What a connector is: the scheme of `from:` and its parameters. */
export interface SourceDescription {
  readonly name: string;
  readonly schemes: readonly string[];
  readonly parameters: readonly ParameterSpec[];
}

/** Throws when a parameter is unknown to the connector or has a value that its type does not allow. */
export function checkSourceParameters(
  description: SourceDescription,
  parameters: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(parameters)) {
    const known = description.parameters.find((p) => p.name === name);
    if (known === undefined) {
      const names = description.parameters.map((p) => p.name).join(", ");
      throw new SourceParameterError(
        `The ${description.name} connector has no parameter ${name}. Parameters: ${names}.`,
      );
    }
    const shown = known.secret === true ? "another value" : `'${value}'`;
    if (typeof known.type === "object" && !known.type.oneOf.includes(value)) {
      throw new SourceParameterError(`${name}: expected ${known.type.oneOf.join(", ")}, found ${shown}`);
    }
    if (known.type === "integer" && !/^\d+$/.test(value)) {
      throw new SourceParameterError(`${name}: expected a number, found ${shown}`);
    }
    if (known.type === "boolean" && !/^(true|false)$/.test(value)) {
      throw new SourceParameterError(`${name}: expected true or false, found ${shown}`);
    }
  }
}
