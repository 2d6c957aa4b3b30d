import { createPrivateKey, X509Certificate } from "node:crypto";
import { certificateFacts, type PemPair, readBundle } from "@spice-shards/certificates";
import { annotation } from "../api/names.ts";
import type { IssuedLeaf } from "./leaf-content.ts";
import type { RootContent, RootPair } from "./root-content.ts";
import type { RotationPhase } from "./state.ts";

/** `data` (base64) and annotations of a Secret: what a codec reads and writes of it. */
export interface SecretContent {
  readonly data: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Secret does not hold what it should. The message names the key and never its value. */
export class InvalidSecretError extends Error {
  override readonly name = "InvalidSecretError";
}

const phases: readonly RotationPhase[] = ["stable", "trust", "reissue", "retire"];

/** The root's Secret: all of a rotation's progress is in one object, so that each step is one write. */
export function encodeRoot(content: RootContent): SecretContent {
  const { phase, signer, next, previous, answeredRequest } = content;
  return {
    data: {
      ...encodeRootPair("tls", signer),
      ...encodeRootPair("next", next),
      ...(previous.length === 0 ? {} : { "previous.crt": base64(previous.join("")) }),
    },
    annotations: {
      [annotation.rotationPhase]: phase,
      ...(answeredRequest === undefined ? {} : { [annotation.answeredRequest]: answeredRequest }),
    },
  };
}

/** @throws InvalidSecretError when somebody has changed it into what cannot be used. */
export function decodeRoot({ data, annotations }: SecretContent): RootContent {
  const phase = phases.find((each) => each === (annotations[annotation.rotationPhase] ?? "stable"));
  if (phase === undefined) throw new InvalidSecretError(`annotation ${annotation.rotationPhase} is no phase`);
  const signer = decodeRootPair("tls", data);
  const next = decodeRootPair("next", data);
  if (signer === undefined && next === undefined) throw new InvalidSecretError("there is no tls.crt");
  if ((phase === "trust") !== (next !== undefined))
    throw new InvalidSecretError(`the phase ${phase} does not go with its certificates`);
  const previous = readBundle(textOf(data["previous.crt"]) ?? "");
  for (const pem of previous) readPem("previous.crt", () => certificateFacts(pem));
  return { phase, signer, next, previous, answeredRequest: annotations[annotation.answeredRequest] };
}

/** A root that the user brings. @throws InvalidSecretError when it cannot sign leaves that are valid at `nowMs`. */
export function decodeSuppliedRoot(data: SecretContent["data"], nowMs: number): PemPair {
  const pair = decodePair("tls", data);
  if (pair === undefined) throw new InvalidSecretError("there is no tls.crt");
  const certificate = new X509Certificate(pair.certificate);
  if (!certificate.ca) throw new InvalidSecretError("tls.crt is not the certificate of an authority");
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= nowMs)
    throw new InvalidSecretError(`tls.crt expired at ${validToDate.toISOString()}`);
  if (validFromDate.getTime() > nowMs)
    throw new InvalidSecretError(`tls.crt is not valid before ${validFromDate.toISOString()}`);
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== "ec" || asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new InvalidSecretError("tls.crt has no ECDSA P-256 key");
  // Whatever form the key has (SEC 1, PKCS #8), signing wants PKCS #8.
  const key = createPrivateKey(pair.key).export({ type: "pkcs8", format: "pem" }).toString();
  return { certificate: pair.certificate, key };
}

/** A leaf; undefined when its Secret does not hold a usable one, which is then issued anew. */
export function decodeLeaf({ data, annotations }: SecretContent): IssuedLeaf | undefined {
  const bundle = textOf(data["ca.crt"]);
  try {
    const pair = decodePair("tls", data);
    if (pair === undefined || bundle === undefined) return undefined;
    for (const pem of readBundle(bundle)) certificateFacts(pem);
    return { ...pair, bundle, answeredRequest: annotations[annotation.answeredRequest] };
  } catch {
    return undefined; // Somebody has edited it.
  }
}

/** The root of an issuer has another name, so that a key which somebody removed is not taken for one that never was. */
function encodeRootPair(name: string, pair: RootPair | undefined): Record<string, string> {
  if (pair === undefined) return {};
  const { certificate, key } = pair;
  return key === undefined
    ? { [`${name}-issuer.crt`]: base64(certificate) }
    : { [`${name}.crt`]: base64(certificate), [`${name}.key`]: base64(key) };
}

function decodeRootPair(name: string, data: SecretContent["data"]): RootPair | undefined {
  const certificate = textOf(data[`${name}-issuer.crt`]);
  if (certificate === undefined) return decodePair(name, data);
  readPem(`${name}-issuer.crt`, () => certificateFacts(certificate));
  return { certificate, key: undefined };
}

/** @throws InvalidSecretError when one half is missing, cannot be read, or is not that of the other. */
export function decodePair(name: string, data: SecretContent["data"]): PemPair | undefined {
  const certificate = textOf(data[`${name}.crt`]);
  const key = textOf(data[`${name}.key`]);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined) throw new InvalidSecretError(`there is no ${name}.crt`);
  if (key === undefined) throw new InvalidSecretError(`there is no ${name}.key`);
  const parsed = readPem(`${name}.crt`, () => new X509Certificate(certificate));
  const privateKey = readPem(`${name}.key`, () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(privateKey))
    throw new InvalidSecretError(`${name}.key is not the key of ${name}.crt`);
  return { certificate, key };
}

/** Parser errors may quote what they were given, so they are not passed on. */
export function readPem<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new InvalidSecretError(`${name} cannot be read as PEM`);
  }
}

function base64(value: string): string {
  return Buffer.from(value, "utf8").toString("base64");
}

/** A value as it was before it was put into a Secret. */
export function textOf(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
}
