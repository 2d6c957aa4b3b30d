import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { CertificateError } from "./certificate-error.ts";

const marker = /-----(BEGIN|END) ([A-Z0-9 ]+)-----/g;

/**
 * Every certificate in a PEM file, in order. Strict where a parser that stops at the first certificate is not: a block
 * that was cut off, anywhere in the file, is an error.
 * @throws CertificateError
 */
export function certificatesOf(pem: Buffer, file: string): X509Certificate[] {
  const text = pem.toString("latin1");
  const certificates: X509Certificate[] = [];
  let open: { label: string; at: number } | undefined;
  for (const { 0: whole, 1: kind, 2: label = "", index } of text.matchAll(marker)) {
    if (kind === "BEGIN") {
      if (open !== undefined) throw cutOff(file);
      open = { label, at: index };
      continue;
    }
    if (open?.label !== label) throw cutOff(file);
    if (/^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label)) {
      certificates.push(parse(text.slice(open.at, index + whole.length), file));
    }
    open = undefined;
  }
  // Half a marker at the end is not one yet.
  if (open !== undefined || /-----BEGIN[^\n]*$/.test(text)) throw cutOff(file);
  if (certificates.length === 0) throw new CertificateError(`${file} holds no certificate in PEM`);
  return certificates;
}

/** The private key in a PEM file. Throws a CertificateError where there is none. */
export function privateKeyOf(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new CertificateError(`${file} holds no private key in PEM`, { cause: error });
  }
}

function parse(block: string, file: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw new CertificateError(`${file} holds a certificate that cannot be read`, { cause: error });
  }
}

function cutOff(file: string): CertificateError {
  return new CertificateError(`${file} is cut off: it ends inside a PEM block`);
}
