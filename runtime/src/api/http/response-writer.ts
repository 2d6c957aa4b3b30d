import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { pieceSize } from "./formats/format.ts";

/** A piece of a body. */
export type Piece = Uint8Array | string;

/**
 * Send a body at the client's pace: while the client does not read, no further piece is pulled, and so the engine
 * waits. `head` is called when the first piece is there, so that an error before it can still be a proper answer; with
 * the body's bytes when that piece is the whole of it.
 * Rejects with the body's error before the head was sent; after it, breaks the connection and then rejects.
 */
export async function sendBody(
  response: ServerResponse,
  body: AsyncIterator<Piece>,
  head: (bytes?: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let next = await body.next();
  // Text is handed on when there is much of it, so that there is hardly ever anything behind a short piece.
  const short = shortText(next);
  if (short !== undefined) {
    next = await body.next();
    if (next.done === true) {
      // Head and body in one call of the system.
      head(Buffer.byteLength(short));
      response.end(short);
      return;
    }
  }
  head();
  const together = new TogetherWriter(response);
  try {
    if (short !== undefined) together.write(short);
    while (next.done !== true) {
      signal.throwIfAborted();
      if (!together.write(next.value)) await once(response, "drain", { signal });
      next = await body.next();
    }
    together.flush();
    response.end();
  } catch (error) {
    breakConnection(response);
    throw error;
  } finally {
    await body.return?.();
  }
}

function shortText(next: IteratorResult<Piece>): string | undefined {
  if (next.done === true || typeof next.value !== "string") return undefined;
  return next.value.length < pieceSize ? next.value : undefined;
}

/** Writes such that the pieces of one turn of the event loop go to the system in one call. */
class TogetherWriter {
  readonly #response: ServerResponse;
  #corked = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** False when the client should read first. */
  write(piece: Piece): boolean {
    if (!this.#corked) {
      this.#corked = true;
      this.#response.cork();
      setImmediate(() => this.flush());
    }
    return this.#response.write(piece);
  }

  /** Send what is held back. Call it before the end: `end` sends the last chunk's mark before what is corked. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    if (!this.#response.destroyed) this.#response.uncork();
  }
}

/** End a response so that nobody takes it for complete, whatever the framing: reset instead of close. */
export function breakConnection(response: ServerResponse): void {
  const socket = response.socket;
  if (socket instanceof Socket && !("encrypted" in socket)) socket.resetAndDestroy();
  response.destroy();
}
