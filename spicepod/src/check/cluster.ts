import { type CheckContext, isDataset, nameOf } from "./context.ts";

/** Logged when the cluster's state is in files. */
export const fileStateWarning =
  "The cluster's state is kept in files: exactly one scheduler can run, and there is no failover. Set `runtime.scheduler.state_location` to an object store for more.";

const conditionalStores = ["s3", "gs", "abfs", "abfss"];

/** What a cluster asks for: a partition key on everything accelerated, and a store with conditional writes. */
export function checkCluster(context: CheckContext): void {
  const { scheduler, auth } = context.spicepod.runtime;
  if (auth?.apiKey?.enabled && auth.apiKey.keys.length === 0) {
    context.fail("runtime.auth.api_key.keys", "must list at least one key, or `enabled` be `false`.");
  }
  checkStateLocation(context, scheduler?.stateLocation);
  if (context.options.mode !== "cluster") return;
  if (scheduler?.stateLocation === undefined || scheduler.stateLocation.startsWith("file:")) {
    context.warn("runtime.scheduler.state_location", fileStateWarning);
  }
  for (const component of context.accelerated) {
    if (component.acceleration.partitionBy.length > 0) continue;
    const type = isDataset(component) ? "dataset" : "view";
    context.fail(
      `${component.path}.acceleration.partition_by`,
      `Accelerated ${type} '${nameOf(component)}' has no partition keys configured. Add 'partition_by' to its acceleration config to participate in cluster partition assignment.`,
    );
  }
}

function checkStateLocation(context: CheckContext, location: string | undefined): void {
  if (location === undefined) return;
  const path = "runtime.scheduler.state_location";
  const [, scheme = ""] = location.match(/^([a-z][a-z0-9+.-]*):/i) ?? [];
  if (scheme === "file") {
    if (!/^file:\/\/\//.test(location)) {
      context.fail(path, "must be `file:///` and an absolute path.");
    }
  } else if (!conditionalStores.includes(scheme)) {
    context.fail(
      path,
      "must be on a store with conditional writes (ETag / If-Match): S3 (`s3://`, also S3-compatible stores), GCS (`gs://`) or Azure Blob (`abfs://`). `file:///` serves exactly one scheduler.",
      scheme === "" && location.startsWith("/") ? { suggestion: `file://${location}` } : {},
    );
  } else if (!/^[a-z0-9]+:\/\/[^/?#]+/.test(location)) {
    context.fail(path, `must be a URL such as \`${scheme}://bucket/prefix/\`.`);
  }
}
