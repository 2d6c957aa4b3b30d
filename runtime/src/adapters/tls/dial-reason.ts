const known: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|packet length too long|tls_validate_record_header|http request/i,
    "the peer does not speak TLS on this port: it may run with --allow-insecure-connections",
  ],
  [/certificate has expired/i, "the peer's certificate has expired"],
  [/certificate is not yet valid/i, "the peer's certificate is not valid yet"],
  [
    /self.signed certificate|unable to verify|unable to get (?:local )?issuer|certificate signature failure/i,
    "the peer's certificate is not signed by a CA in this node's --node-mtls-ca-certificate-file",
  ],
  [
    /Last error: Failed to connect|ECONNRESET|socket hang up|Socket closed/i,
    "the peer ended the connection at once: it may demand mTLS, or refuse this node's certificate; its log says why",
  ],
];

/**
 * Why a connection to a node did not come about, for the person who reads the dialling side's log; the transport's own
 * text where there is nothing to add.
 */
export function dialReason(text: string): string {
  // Only connections that never stood: what breaks off later has another cause.
  if (!text.includes("No connection established")) return text;
  const reason = known.find(([pattern]) => pattern.test(text))?.[1];
  if (reason !== undefined) return reason;
  return /Last error: (?:Error: )?(.*?)\s*\.? Resolution note: ?$/s.exec(text)?.[1] ?? text;
}
