/**
 * The items of `inner`. When `ended` aborts, `inner` is left at once and gives back what it holds, also while its reader
 * asks for nothing; who reads on gets the reason.
 */
export function endable<T>(inner: AsyncGenerator<T, void>, ended: AbortSignal): AsyncIterable<T> {
  // One that runs notices by itself, and its reader is told.
  const leave = () => void inner.return().catch(() => undefined);
  ended.addEventListener("abort", leave, { once: true });
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        ended.throwIfAborted();
        const result = await inner.next();
        if (result.done === true) ended.throwIfAborted();
        return result;
      },
      async return() {
        await inner.return();
        return { done: true, value: undefined };
      },
    }),
  };
}
