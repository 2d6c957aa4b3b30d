import {
  type AcceleratedDataset,
  type Accelerator,
  type AcceleratorContext,
  type AcceleratorDescription,
  AcceleratorParameterError,
} from "../../ports/accelerator.ts";
import { arrowDescription } from "./arrow.ts";
import { duckdbDescription } from "./duckdb/options.ts";

/** An engine as it is registered: what it can do, and how to load it when it is first used. */
export interface AcceleratorRegistration {
  readonly description: AcceleratorDescription;
  load(): Promise<(context: AcceleratorContext) => Accelerator>;
}

/** A module that brings an engine exports this function; `SPICED_ACCELERATORS` names such modules. */
export type RegisterAccelerators = (registry: AcceleratorRegistry) => void;

/** The engines that datasets can name. Nothing registers itself by being imported. */
export class AcceleratorRegistry {
  readonly #registrations = new Map<string, AcceleratorRegistration>();

  register(registration: AcceleratorRegistration): void {
    const { name } = registration.description;
    if (this.#registrations.has(name)) throw new Error(`The engine '${name}' is registered twice`);
    this.#registrations.set(name, registration);
  }

  /** Every engine, for startup checks and documentation; nothing is loaded. */
  descriptions(): readonly AcceleratorDescription[] {
    return [...this.#registrations.values()].map((r) => r.description);
  }

  /** Load an engine. Throws when it is unknown or its package is missing, naming it. */
  async create(name: string, context: AcceleratorContext): Promise<Accelerator> {
    const registration = this.#registrations.get(name);
    if (registration === undefined) {
      throw new AcceleratorParameterError(
        `There is no engine '${name}'. Engines: ${[...this.#registrations.keys()].join(", ")}.`,
      );
    }
    try {
      return (await registration.load())(context);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
      throw new Error(
        `The engine '${name}' needs a package that is not installed: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }
}

/** The built-in engines: the one place that lists them. */
export function builtInAccelerators(): AcceleratorRegistry {
  const registry = new AcceleratorRegistry();
  registry.register({
    description: arrowDescription,
    load: async () => (await import("./arrow.ts")).createArrow,
  });
  registry.register({
    description: duckdbDescription,
    load: async () => (await import("./duckdb/duckdb.ts")).createDuckDb,
  });
  return registry;
}

/** Refuse parameters of the engine's own that it does not have; a startup check for every dataset. */
export function checkAcceleratorParameters(
  description: AcceleratorDescription,
  dataset: AcceleratedDataset,
): void {
  const { parameterPrefix, parameters } = description.capabilities;
  const known = new Set(parameters.map((p) => p.name));
  for (const name of Object.keys(dataset.parameters)) {
    if (known.has(name) || !name.startsWith(`${parameterPrefix}_`)) continue;
    throw new AcceleratorParameterError(
      `Dataset '${dataset.name}': the engine '${description.name}' has no parameter ${name}. Parameters: ${[...known].join(", ")}.`,
    );
  }
}
