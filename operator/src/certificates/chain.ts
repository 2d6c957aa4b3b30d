import { isIssuedBy, readBundle } from "@spice-shards/certificates";

/**
 * The root that the first certificate of a PEM text leads to, directly or over the intermediate ones that follow it in the
 * order in which TLS sends them; undefined when it leads to none of `roots`.
 *
 * @throws Error when one of them is no certificate.
 */
export function rootOfChain(chain: string, roots: readonly string[]): string | undefined {
  let above: string | undefined;
  for (const pem of readBundle(chain)) {
    if (above !== undefined && !isIssuedBy(above, pem)) return undefined;
    const root = roots.find((each) => isIssuedBy(pem, each));
    if (root !== undefined) return root;
    above = pem;
  }
  return undefined;
}
