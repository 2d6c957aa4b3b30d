/**
 * `node story-cluster.ts`: a cluster with all images for every story of a run. Prints one line of JSON with the variables
 * that tests need, and ends the cluster when it is told to end.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDir } from "../../scripts/testbed/provision.ts";
import { chooseProvider } from "../providers/choose.ts";
import { projectImages } from "./keyed-images.ts";
import { makePostgresImage } from "./postgres-image.ts";
import { makeS3Image } from "./s3-image.ts";

const provider = chooseProvider();
const name = `run-${randomBytes(3).toString("hex")}`;
const end = () => provider.down(name).then(() => process.exit(0));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void end());

const dir = mkdtempSync(join(tmpdir(), "story-"));
try {
  const { runtime, operator } = projectImages(cacheDir);
  const cluster = await provider.up(name, { nodes: 2, endsWithCaller: true });
  const s3 = await makeS3Image(dir);
  const postgres = await makePostgresImage(dir);
  for (const image of [runtime, operator, s3.archive, postgres.archive]) await cluster.loadImage(image);
  const variables = {
    STORY_KUBECONFIG: cluster.kubeconfig,
    STORY_TRUTH: s3.truth,
    STORY_ORDERS_TRUTH: postgres.truth,
  };
  process.stdout.write(`${JSON.stringify(variables)}\n`);
} catch (error) {
  console.error(error);
  await provider.down(name);
  process.exit(1);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
setInterval(() => {}, 3_600_000); // until it is told to end
