import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../ports/clock.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { Random } from "../../ports/random.ts";
import { systemClock } from "../system/clock.ts";
import { systemRandom } from "../system/random.ts";
import { FileStore } from "./file.ts";
import { type S3Request, S3Store } from "./s3.ts";
import { parseS3Config, StoreConfigError } from "./s3-params.ts";

export interface OpenStoreOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Told of every HTTP request of an S3 store. */
  readonly onRequest?: (request: S3Request) => void;
}

/**
 * Open the store that a URL names (spec chapter 04, Stores): `s3://bucket/prefix/` with the parameters of
 * {@link parseS3Config}, or `file:///directory/` without any. Nothing is contacted yet.
 *
 * Throws {@link StoreConfigError} for a URL or parameters that make no sense.
 */
export function openStore(
  url: string,
  params: Readonly<Record<string, string>> = {},
  options: OpenStoreOptions = {},
): ObjectStore {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "s3":
      return new S3Store(parseS3Config(`s3${url.slice(2)}`, params), {
        clock,
        random,
        ...(options.onRequest === undefined ? {} : { onRequest: options.onRequest }),
      });
    case "file":
      return new FileStore(directoryOf(url, params), { clock, random });
    case "gs":
    case "abfs":
    case "abfss":
      throw new StoreConfigError(
        `Object store ${url}: ${scheme}:// is not available in this version; use s3:// or file://`,
      );
    default:
      throw new StoreConfigError(
        `Object store ${JSON.stringify(url)}: ${scheme === undefined ? "no scheme" : `unknown scheme ${scheme}://`}; supported are s3:// and file://`,
      );
  }
}

function directoryOf(url: string, params: Readonly<Record<string, string>>): string {
  const names = Object.keys(params);
  if (names.length > 0)
    throw new StoreConfigError(
      `Object store ${url}: file:// takes no parameters, but has ${names.join(", ")}`,
    );
  const parsed = URL.parse(url);
  if (parsed === null || parsed.host !== "" || parsed.search !== "" || parsed.hash !== "")
    throw new StoreConfigError(
      `Object store ${url}: write file:///directory/, with an absolute path; ? and # as %3F and %23`,
    );
  return resolve(fileURLToPath(parsed));
}
