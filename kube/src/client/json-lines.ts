import { ProtocolError } from "./status-error.ts";

/** Longer than any object that etcd holds. */
const longestLine = 64 * 1024 * 1024;

/**
 * The JSON documents of a stream of text, one a line.
 *
 * @throws ProtocolError when a line is no JSON, or is longer than 64 Mi characters.
 */
export async function* jsonLines(chunks: AsyncIterable<string>): AsyncGenerator<unknown, void, undefined> {
  let rest: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      const line = rest.join("") + chunk.slice(from, end);
      rest = [];
      length = 0;
      from = end + 1;
      if (line.trim() !== "") yield parse(line);
    }
    if (from < chunk.length) {
      rest.push(chunk.slice(from));
      length += chunk.length - from;
      if (length > longestLine) throw new ProtocolError("a line of a watch is too long");
    }
  }
  // A last line without its end was torn off with the connection; the watch resumes before it.
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new ProtocolError(`a line of a watch is no JSON: ${line.slice(0, 80)}`, { cause });
  }
}
