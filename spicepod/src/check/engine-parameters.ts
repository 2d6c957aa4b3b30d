import type { EngineCapabilities } from "../capabilities.ts";
import type { Accelerated } from "../model.ts";
import { checkParameters } from "../parameters/check.ts";
import { childPath } from "../tree/tree.ts";
import { type CheckContext, describe, isDataset } from "./context.ts";

/** Parameters of an acceleration are those of its engine; the prefix of another engine is an error that says so. */
export function checkEngineParameters(context: CheckContext): void {
  for (const component of context.accelerated) {
    const engine = context.engineOf(component);
    if (engine === undefined) continue;
    const { path, acceleration } = component;
    const reader = `the engine \`${acceleration.engine}\` of ${describe(component)}`;
    const elsewhere = (name: string) => whose(context, component, engine, name);
    for (const { name, message, suggestion } of checkParameters(
      acceleration.params,
      engine.parameters,
      reader,
      elsewhere,
    )) {
      const more = suggestion === undefined ? {} : { suggestion };
      context.fail(childPath(`${path}.acceleration.params`, name), message, more);
    }
  }
}

function whose(
  context: CheckContext,
  component: Accelerated,
  own: EngineCapabilities,
  name: string,
): string | undefined {
  for (const [other, { parameterPrefix, parameters }] of Object.entries(context.options.engines)) {
    const theirs = parameterPrefix !== own.parameterPrefix && name.startsWith(`${parameterPrefix}_`);
    if (
      theirs ||
      (other !== component.acceleration.engine && parameters.some((spec) => spec.name === name))
    ) {
      return `\`${name}\` is a parameter of the engine \`${other}\`, but the engine of ${describe(component)} is \`${component.acceleration.engine}\`.`;
    }
  }
  if (isDataset(component) && context.options.sources(component.source).some((spec) => spec.name === name)) {
    return `\`${name}\` describes the source: it belongs under the dataset's own \`params\`.`;
  }
  return undefined;
}
