import { X509Certificate } from "node:crypto";

/**
 * Why the holder of a certificate is no scheduler of this cluster; undefined when it is one. The chain was checked
 * already, and addresses are not compared: pods change theirs.
 */
export function refuseScheduler(der: Buffer, namespace: string, cluster: string): string | undefined {
  const certificate = new X509Certificate(der);
  const names = (certificate.subjectAltName ?? "").split(", ");
  const wanted = [`DNS:scheduler.${cluster}.${namespace}`, `URI:spiffe://${namespace}/${cluster}/scheduler`];
  if (wanted.some((name) => names.includes(name))) return undefined;
  return `its certificate is not one of scheduler.${cluster}.${namespace}`;
}
