import { RunFragmentResponse } from "@spice-shards/proto";

/** Protobuf's tag of `frame` in an answer and of `envelope` in a request: field 1, bytes. */
const frameTag = 0x0a;
/** Protobuf's tag of `whole_stats`: field 3, bytes. */
const wholeStatsTag = 0x1a;

/** The message's bytes. The generated code copies a frame twice; here it is once. */
export function writeFragmentMessage(message: RunFragmentResponse): Buffer {
  if (message.payload?.$case !== "frame" || message.wholeStats !== undefined)
    return Buffer.from(RunFragmentResponse.encode(message).finish());
  return inFirstField(message.payload.value);
}

/** The bytes of a request with this envelope. */
export function writeFragmentRequest(envelope: Buffer): Buffer {
  return inFirstField(envelope);
}

function inFirstField(content: Buffer): Buffer {
  const head = [frameTag];
  for (let rest = content.byteLength; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      head.push(rest);
      break;
    }
    head.push((rest % 128) | 0x80);
  }
  const bytes = Buffer.allocUnsafeSlow(head.length + content.byteLength);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

/** What a message holds; a frame is a view of the message's bytes. */
export function readFragmentMessage(bytes: Buffer): RunFragmentResponse {
  const frame = framePlace(bytes);
  // Anything behind the frame is for the generated code, which also knows how to skip what is of a newer protocol.
  if (frame?.end !== bytes.byteLength) return RunFragmentResponse.decode(bytes);
  return { payload: { $case: "frame", value: bytes.subarray(frame.start) } };
}

/** True for a message with a frame and the figures, after which nothing but the call's status comes. */
export function isWholeResult(bytes: Buffer): boolean {
  const frame = framePlace(bytes);
  return frame !== undefined && bytes[frame.end] === wholeStatsTag;
}

/** Where the frame lies in a message that begins with one. */
function framePlace(bytes: Buffer): { readonly start: number; readonly end: number } | undefined {
  if (bytes[0] !== frameTag) return undefined;
  let [length, scale, start] = [0, 1, 1];
  for (; ; scale *= 128) {
    const byte = bytes[start++] ?? 0;
    length += (byte & 0x7f) * scale;
    if (byte < 128) break;
  }
  return { start, end: start + length };
}
