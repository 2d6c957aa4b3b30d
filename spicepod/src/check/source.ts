import type { Parameters } from "../field/collection.ts";
import type { Dataset } from "../model.ts";
import { checkParameters } from "../parameters/check.ts";
import { storeParameters } from "../parameters/store.ts";
import { childPath } from "../tree/tree.ts";
import { type CheckContext, describe } from "./context.ts";

/** Parameters of sources and stores: known names, values that can be read, keys that belong together. */
export function checkSources(context: CheckContext): void {
  const { datasets, runtime, snapshots } = context.spicepod;
  for (const dataset of datasets) {
    if (!context.isBroken(`${dataset.path}.from`)) checkDataset(context, dataset);
  }
  const { scheduler } = runtime;
  if (scheduler?.stateLocation !== undefined) {
    checkStore(context, "runtime.scheduler.params", scheduler.params, scheduler.stateLocation);
  } else if (Object.keys(scheduler?.params ?? {}).length > 0) {
    context.fail("runtime.scheduler.params", "has no effect without `state_location`.");
  }
  const location = snapshots?.location ?? scheduler?.stateLocation;
  if (snapshots !== undefined && location !== undefined) {
    checkStore(context, "snapshots.params", snapshots.params, location);
  }
}

function checkDataset(context: CheckContext, dataset: Dataset): void {
  const path = `${dataset.path}.params`;
  const known = context.options.sources(dataset.source);
  const reader = `the source of ${describe(dataset)}`;
  const elsewhere = (name: string) => {
    const engine = Object.entries(context.options.engines).find(([, { parameters }]) =>
      parameters.some((spec) => spec.name === name),
    );
    return engine === undefined
      ? undefined
      : `\`${name}\` is a parameter of the engine \`${engine[0]}\`: it belongs under \`acceleration.params\`.`;
  };
  report(context, path, checkParameters(dataset.params, known, reader, elsewhere));
  if (dataset.source.kind === "object" && dataset.source.scheme === "s3")
    checkKey(context, path, dataset.params);
}

function checkStore(context: CheckContext, path: string, parameters: Parameters, location: string): void {
  const known = storeParameters(location.slice(0, Math.max(location.indexOf(":"), 0)));
  if (known === undefined) return;
  report(context, path, checkParameters(parameters, known, `the store \`${location}\``));
  if (location.startsWith("s3:")) checkKey(context, path, parameters);
}

function report(context: CheckContext, path: string, problems: ReturnType<typeof checkParameters>): void {
  for (const { name, message, suggestion } of problems) {
    context.fail(childPath(path, name), message, suggestion === undefined ? {} : { suggestion });
  }
}

/** `auth: key` needs the key and its secret, and each name is given once, with the prefix or without. */
function checkKey(context: CheckContext, path: string, parameters: Parameters): void {
  const get = (name: string) => parameters[`s3_${name}`] ?? parameters[name];
  for (const name of Object.keys(parameters)) {
    if (Object.hasOwn(parameters, `s3_${name}`)) {
      context.fail(`${path}.${name}`, `\`${name}\` and \`s3_${name}\` are one parameter; give it once.`);
    }
  }
  const key = get("key");
  const secret = get("secret");
  if (get("auth") === "iam_role") {
    for (const name of ["key", "secret", "session_token", "s3_key", "s3_secret", "s3_session_token"]) {
      if (Object.hasOwn(parameters, name))
        context.fail(`${path}.${name}`, `has no effect with \`auth: iam_role\`.`);
    }
  } else if (get("auth") === "key" || key !== undefined || secret !== undefined) {
    if (key === undefined) context.fail(`${path}.key`, "is missing: `auth: key` needs `key` and `secret`.");
    if (secret === undefined)
      context.fail(`${path}.secret`, "is missing: `auth: key` needs `key` and `secret`.");
  }
}
