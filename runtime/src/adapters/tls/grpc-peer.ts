import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import type { Server } from "@grpc/grpc-js";
import type { CertificateSource } from "./node-certificates.ts";
import { identityOfDer, type NodeIdentity, type NodeRole, refusePeer } from "./node-identity.ts";
import type { TlsLog } from "./reloaded-files.ts";

/** What every server call of grpc-js offers. */
interface AuthenticatedCall {
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw?: Buffer } };
  getPeer(): string;
}

/** Who calls, by the certificate that the call's connection was opened with; undefined without mTLS. */
export function peerIdentity(call: AuthenticatedCall): NodeIdentity | undefined {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  return raw === undefined ? undefined : identityOfDer(raw);
}

/** The role that the caller's certificate carries, if any. */
export function peerRole(call: AuthenticatedCall): NodeRole["role"] | undefined {
  return peerIdentity(call)?.roles[0]?.role;
}

/** Why the caller may not make this call in one of `roles`; undefined when it may. A refusal is logged. */
export function refuseCall(
  source: CertificateSource,
  call: AuthenticatedCall,
  roles: readonly NodeRole["role"][],
  log: Pick<TlsLog, "warn">,
): string | undefined {
  const peer = peerIdentity(call);
  const reason =
    peer === undefined
      ? "the caller showed no certificate"
      : refusePeer(source.current().identity, peer, roles);
  if (reason !== undefined) log.warn("A call was refused", { peer: call.getPeer(), reason });
  return reason;
}

/**
 * Log why handshakes with a bound server fail: plain text, a foreign CA, an expired certificate, none at all. gRPC
 * itself drops such connections without a word. Call it after `bindAsync`.
 */
export function logRefusedHandshakes(server: Server, log: Pick<TlsLog, "warn">): void {
  // grpc-js offers no event for this, so the HTTP/2 servers behind it are asked.
  const servers: unknown = Reflect.get(server, "http2Servers");
  if (!(servers instanceof Map)) throw new Error("This version of grpc-js keeps its servers elsewhere");
  for (const http2Server of servers.keys() as Iterable<EventEmitter>) {
    http2Server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: { remoteAddress?: string }) => {
      if (error.code === "ECONNRESET") return; // a probe that only connects, or a client that gave up
      log.warn("A connection was refused", { peer: socket.remoteAddress, reason: explain(error) });
    });
    // Node closes the connection of a peer whose certificate does not verify without any event. This one, whose key
    // material is ignored, is the only one that shows the socket before that happens.
    const watched = new WeakSet<TLSSocket>();
    http2Server.on("keylog", (_line: Buffer, socket: TLSSocket) => {
      if (watched.has(socket)) return;
      watched.add(socket);
      const peer = socket.remoteAddress;
      socket.once("close", () => {
        // Despite its type this is the code of the error.
        const code = String(socket.authorizationError ?? "");
        if (code === "") return;
        log.warn("A connection was refused", {
          peer,
          reason: explain({ name: "Error", message: code, code }),
        });
      });
    });
  }
}

function explain(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|PACKET_LENGTH/.test(code)) {
    return "the peer does not speak TLS on this port";
  }
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return "the peer showed no certificate";
  if (code === "CERT_HAS_EXPIRED") return "the peer's certificate has expired";
  if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_SIGNATURE_FAILURE/.test(code)) {
    return "the peer's certificate is not of this cluster's CA";
  }
  return error.message;
}
