import type { Kubectl } from "./kubectl.ts";
import { s3Image } from "./s3-image.ts";
import { startServerPod } from "./server-pod.ts";
import { bucket } from "./story-data.ts";

const credentials = { key: "story-access", secret: "story-secret-key" };

/** Where the pods of a namespace find the story's objects. */
export const storyDataset = {
  from: `s3://${bucket}/events/`,
  name: "events",
  params: {
    file_format: "parquet",
    s3_endpoint: "http://s3:7070",
    s3_region: "us-east-1",
    s3_auth: "key",
    s3_key: credentials.key,
    s3_secret: credentials.secret,
  },
};

/** The state of a cluster named `name`, beside the objects. */
export const storyState = (name: string) => ({
  state_location: `s3://${bucket}/state/${name}/`,
  params: {
    endpoint: "http://s3:7070",
    region: "us-east-1",
    auth: "key",
    key: credentials.key,
    secret: credentials.secret,
  },
});

/** An S3 server with the story's objects as Service `s3` of the namespace. */
export function startS3Pod(kubectl: Kubectl): Promise<void> {
  const env = { ROOT_ACCESS_KEY: credentials.key, ROOT_SECRET_KEY: credentials.secret };
  return startServerPod(kubectl, { name: "s3", image: s3Image, port: 7070, env });
}
