import { FaultProxy } from "../../runtime/test/support/fault-proxy.ts";
import { startS3Server } from "../../runtime/test/support/s3-server.ts";

/** State of a bench's cluster in a real S3 server, behind a proxy that sees every request. */
export interface S3State {
  readonly location: string;
  /** For `runtime.scheduler.params`, as YAML. */
  readonly params: string;
  /** Requests that have come so far. */
  requests(): number;
  stop(): Promise<void>;
}

export async function s3State(): Promise<S3State> {
  const server = await startS3Server();
  try {
    const proxy = await FaultProxy.start(server.endpoint);
    const params = Object.entries({ ...server.params, endpoint: proxy.url });
    return {
      location: `s3://${server.bucket}/state/`,
      params: `{ ${params.map(([name, value]) => `${name}: "${value}"`).join(", ")} }`,
      requests: () => proxy.seen.length,
      stop: async () => {
        await proxy.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
