/** Where and as whom to reach an S3 store. */
export interface S3Config {
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  readonly region: string;
  /** Set for S3-compatible stores; they are addressed by path. */
  readonly endpoint?: string;
  /** Absent: the environment's own identity (`auth: iam_role`). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** A store's URL or parameters make no sense; the message names every problem and holds no secret. */
export class StoreConfigError extends Error {
  override readonly name = "StoreConfigError";
}

const names = ["region", "endpoint", "auth", "key", "secret", "session_token"] as const;
type Name = (typeof names)[number];

/**
 * Read the parameters of an S3 store (spec chapters 02 and 06): `region`, `endpoint`, `auth` (`iam_role` or `key`),
 * `key`, `secret`, `session_token`, each also with the prefix `s3_`. Without `auth`, a given `key` means `auth: key`.
 * Without `region` the environment's `AWS_REGION` or `AWS_DEFAULT_REGION` holds, else `us-east-1`.
 *
 * Throws {@link StoreConfigError} with all problems at once.
 */
export function parseS3Config(
  url: string,
  params: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): S3Config {
  const problems: string[] = [];
  const place = /^s3:\/\/([^/?#]+)(?:\/(.*))?$/s.exec(url);
  const bucket = place?.[1] ?? "";
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]$/.test(bucket))
    problems.push(`${url} has no valid bucket; write s3://bucket/prefix/`);
  const given = readNames(params, problems);

  const auth = given.auth ?? (given.key === undefined ? "iam_role" : "key");
  const { key, secret, session_token: token } = given;
  if (auth === "key") {
    for (const [name, value] of Object.entries({ key, secret }))
      if (value === undefined || value === "") problems.push(`auth: key needs the parameter ${name}`);
  } else if (auth === "iam_role") {
    for (const [name, value] of Object.entries({ key, secret, session_token: token }))
      if (value !== undefined) problems.push(`${name} has no effect with auth: iam_role`);
  } else {
    problems.push(`auth is ${JSON.stringify(auth)}; it may be iam_role or key`);
  }
  if (given.endpoint !== undefined && !isHttpUrl(given.endpoint))
    problems.push(`endpoint is ${JSON.stringify(given.endpoint)}; it must be an http:// or https:// URL`);
  if (problems.length > 0) throw new StoreConfigError(`Object store ${url}: ${problems.join("; ")}`);

  const prefix = (place?.[2] ?? "").replace(/^\/+|\/+$/g, "");
  return {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    region: given.region ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1",
    ...(given.endpoint === undefined ? {} : { endpoint: given.endpoint }),
    ...(auth === "key" && key !== undefined && secret !== undefined
      ? {
          credentials: {
            accessKeyId: key,
            secretAccessKey: secret,
            ...(token === undefined ? {} : { sessionToken: token }),
          },
        }
      : {}),
  };
}

function readNames(
  params: Readonly<Record<string, string>>,
  problems: string[],
): Partial<Record<Name, string>> {
  const given: Partial<Record<Name, string>> = {};
  for (const [written, value] of Object.entries(params)) {
    const name = names.find((n) => n === written || `s3_${n}` === written);
    if (name === undefined)
      problems.push(`unknown parameter ${written}; known are ${names.join(", ")}, also with the prefix s3_`);
    else if (given[name] !== undefined)
      problems.push(`${name} is given twice, with and without the prefix s3_`);
    else given[name] = value;
  }
  return given;
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "";
}
