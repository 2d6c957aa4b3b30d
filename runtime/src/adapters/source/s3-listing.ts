import type { S3Client } from "@aws-sdk/client-s3";
import type { Database } from "../../ports/database.ts";
import { SourceError, SourceParameterError } from "../../ports/source.ts";
import { HeldSecret } from "../duckdb/held-secret.ts";
import { globPattern, globPrefix } from "./glob.ts";
import type { ObjectListing, SourceObject } from "./object-listing.ts";

export interface S3Location {
  /** `s3://bucket/key pattern`, the key with globs, a single key, or a prefix that ends with `/`. */
  readonly url: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** Absent: the SDK's chain (environment, web identity, instance role). */
  readonly key: { readonly id: string; readonly secret: string; readonly session?: string } | undefined;
}

/**
 * Objects of an S3 bucket. The listing goes through the SDK, which tells ETags; the engine reads byte ranges with a
 * secret that is limited to its prefix and renewed before each scan.
 */
export function s3Listing(
  database: Database,
  where: S3Location,
  extensions: readonly string[],
): ObjectListing {
  const match = /^s3:\/\/([^/]+)\/(.*)$/s.exec(where.url);
  if (match === null)
    throw new SourceParameterError(`'${where.url}' is no S3 location: expected s3://bucket/key`);
  const [bucket, pattern] = [match[1]!, match[2]!];
  const prefix = globPrefix(pattern);
  const secret = new HeldSecret(database, "s3", where);
  const fits =
    prefix !== pattern
      ? (key: string) => globPattern(pattern).test(key)
      : pattern === "" || pattern.endsWith("/")
        ? (key: string) => extensions.some((e) => key.endsWith(e))
        : (key: string) => key === pattern;
  let client: S3Client | undefined;
  const connect = async () => {
    const { S3Client } = await import("@aws-sdk/client-s3");
    client ??= new S3Client({
      region: where.region ?? "us-east-1",
      ...(where.endpoint === undefined ? {} : { endpoint: where.endpoint, forcePathStyle: true }),
      ...(where.key === undefined
        ? {}
        : {
            credentials: {
              accessKeyId: where.key.id,
              secretAccessKey: where.key.secret,
              ...(where.key.session === undefined ? {} : { sessionToken: where.key.session }),
            },
          }),
    });
    return client;
  };
  return {
    location: where.url,
    async list(signal) {
      const { ListObjectsV2Command } = await import("@aws-sdk/client-s3");
      const s3 = await connect();
      const objects: SourceObject[] = [];
      let token: string | undefined;
      try {
        do {
          const page = await s3.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
            signal === undefined ? {} : { abortSignal: signal },
          );
          for (const { Key, ETag, Size } of page.Contents ?? []) {
            if (Key !== undefined && fits(Key)) {
              objects.push({ path: `s3://${bucket}/${Key}`, tag: `${Size}-${ETag}` });
            }
          }
          token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
        } while (token !== undefined);
      } catch (error) {
        signal?.throwIfAborted();
        throw new SourceError(`${where.url} cannot be listed: ${(error as Error).message}`, {
          cause: error,
          retryable: true,
        });
      }
      return objects.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async authorize() {
      const s3 = await connect();
      let identity: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined };
      try {
        identity = await s3.config.credentials();
      } catch (error) {
        throw new SourceError(`There are no credentials for ${where.url}: ${(error as Error).message}`, {
          cause: error,
          retryable: true,
        });
      }
      const endpoint = where.endpoint === undefined ? undefined : new URL(where.endpoint);
      await secret.put({
        PROVIDER: "config",
        KEY_ID: identity.accessKeyId,
        SECRET: identity.secretAccessKey,
        REGION: where.region ?? "us-east-1",
        SCOPE: `s3://${bucket}/${prefix}`,
        SESSION_TOKEN: identity.sessionToken,
        ENDPOINT: endpoint?.host,
        URL_STYLE: endpoint && "path",
        USE_SSL: endpoint && endpoint.protocol === "https:",
      });
    },
    async close() {
      await secret.release();
      client?.destroy();
      client = undefined;
    },
  };
}
