import { StoreError } from "../../ports/object-store.ts";

const maxKeyBytes = 1024;

/**
 * Check that a key can be kept by every store: `/` between non-empty segments, no `.` or `..` segment, no control
 * characters, at most 1,024 bytes of UTF-8. Throws a {@link StoreError} that quotes the key.
 */
export function checkKey(key: string): void {
  const problem = keyProblem(key);
  if (problem !== undefined)
    throw new StoreError(`Invalid object key ${JSON.stringify(key)}: ${problem}`, { retryable: false });
}

function keyProblem(key: string): string | undefined {
  if (key === "") return "it is empty";
  if (Buffer.byteLength(key) > maxKeyBytes) return `it is longer than ${maxKeyBytes} bytes`;
  if (!key.isWellFormed()) return "it is not well-formed Unicode";
  for (const character of key) {
    const code = character.codePointAt(0) as number;
    if (code < 0x20 || code === 0x7f || character === "\\")
      return "it has a control character or a backslash";
  }
  for (const segment of key.split("/")) {
    if (segment === "") return "it begins or ends with / or has // inside";
    if (segment === "." || segment === "..") return `it has the segment ${segment}`;
  }
  return undefined;
}

/** Order of keys in listings: by their UTF-8 bytes, as S3 has it (JavaScript's own order is by UTF-16 units). */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
