import type { Kubectl } from "./kubectl.ts";
import { s3Image } from "./s3-image.ts";
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
export async function startS3Pod(kubectl: Kubectl): Promise<void> {
  const labels = { app: "s3" };
  await kubectl.apply(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "s3", labels },
      spec: {
        terminationGracePeriodSeconds: 1,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "s3",
            image: s3Image,
            env: [
              { name: "ROOT_ACCESS_KEY", value: credentials.key },
              { name: "ROOT_SECRET_KEY", value: credentials.secret },
            ],
            ports: [{ containerPort: 7070 }],
            readinessProbe: { tcpSocket: { port: 7070 }, periodSeconds: 1 },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
            volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          },
        ],
        volumes: [{ name: "tmp", emptyDir: {} }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s3", labels },
      spec: { selector: labels, ports: [{ port: 7070 }] },
    },
  );
  await kubectl.run("wait", "--for=condition=Ready", "pod/s3", "--timeout=90s");
}
