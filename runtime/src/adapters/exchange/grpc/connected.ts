import { type Channel, connectivityState } from "@grpc/grpc-js";

/** Longer than it takes to connect to a busy node; a host that is gone says nothing at all. */
export const connectLimitMs = 5_000;

/**
 * Wait until a channel has a connection, or has failed to get one, which a call on it then tells. False when it was closed,
 * or neither has happened after `limitMs`: its address may be one that nobody has any more.
 */
export async function connected(channel: Channel, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const until = Date.now() + limitMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return false;
    if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const aborted = () => resolve(true);
    signal.addEventListener("abort", aborted, { once: true });
    channel.watchConnectivityState(state, until, (error) => resolve(error === undefined));
    const changed = await promise;
    signal.removeEventListener("abort", aborted);
    signal.throwIfAborted();
    if (!changed) return false;
  }
}
