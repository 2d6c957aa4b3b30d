import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";

/** A piece of a body. */
export type Piece = Uint8Array | string;

/**
 * Send a body at the client's pace: while the client does not read, no further piece is pulled, and so the engine
 * waits. `head` is called when the first piece is there, so that an error before it can still be a proper answer.
 * Rejects with the body's error before the head was sent; after it, breaks the connection and then rejects.
 */
export async function sendBody(
  response: ServerResponse,
  body: AsyncIterator<Piece>,
  head: () => void,
  signal: AbortSignal,
): Promise<void> {
  let next = await body.next();
  head();
  const write = togetherWriter(response);
  try {
    while (next.done !== true) {
      signal.throwIfAborted();
      if (!write(next.value)) await once(response, "drain", { signal });
      next = await body.next();
    }
    response.end();
  } catch (error) {
    breakConnection(response);
    throw error;
  } finally {
    await body.return?.();
  }
}

/** Writes such that the pieces of one turn of the event loop go to the system in one call. */
function togetherWriter(response: ServerResponse): (piece: Piece) => boolean {
  let corked = false;
  return (piece) => {
    if (!corked) {
      corked = true;
      response.cork();
      setImmediate(() => {
        corked = false;
        // The end of a response has sent everything.
        if (!response.writableEnded) response.uncork();
      });
    }
    return response.write(piece);
  };
}

/** End a response so that nobody takes it for complete, whatever the framing: reset instead of close. */
export function breakConnection(response: ServerResponse): void {
  const socket = response.socket;
  if (socket instanceof Socket && !("encrypted" in socket)) socket.resetAndDestroy();
  response.destroy();
}
