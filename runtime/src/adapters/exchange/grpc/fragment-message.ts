import { RunFragmentResponse } from "@spice-shards/proto";

/** Protobuf's tag of `frame`: field 1, bytes. */
const frameTag = 0x0a;

/** The message's bytes. The generated code copies a frame twice; here it is once. */
export function writeFragmentMessage(message: RunFragmentResponse): Buffer {
  if (message.payload?.$case !== "frame") return Buffer.from(RunFragmentResponse.encode(message).finish());
  const frame = message.payload.value;
  const head = [frameTag];
  for (let rest = frame.byteLength; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      head.push(rest);
      break;
    }
    head.push((rest % 128) | 0x80);
  }
  const bytes = Buffer.allocUnsafeSlow(head.length + frame.byteLength);
  bytes.set(head);
  bytes.set(frame, head.length);
  return bytes;
}

/** What a message holds; a frame is a view of the message's bytes. */
export function readFragmentMessage(bytes: Buffer): RunFragmentResponse {
  if (bytes[0] === frameTag) {
    let [length, scale, at] = [0, 1, 1];
    for (; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      length += (byte & 0x7f) * scale;
      if (byte < 128) break;
    }
    // Anything behind the frame is of a newer protocol: the generated code knows how to skip it.
    if (at + length === bytes.byteLength) return { payload: { $case: "frame", value: bytes.subarray(at) } };
  }
  return RunFragmentResponse.decode(bytes);
}
