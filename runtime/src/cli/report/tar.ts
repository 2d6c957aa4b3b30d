const blockSize = 512;

/**
 * The header of a file in a tar archive (POSIX ustar); times are in seconds. The last part of `path` has at most 100
 * bytes and the folders before it 155: more is a RangeError.
 */
export function tarHeader(path: string, size: number, modifiedSeconds: number): Buffer {
  const header = Buffer.alloc(blockSize);
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, slash));
  const name = path.slice(slash + 1);
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(folder) > 155) {
    throw new RangeError(`${path} is too long for an archive`);
  }
  header.write(name, 0, 100);
  header.write(folder, 345, 155);
  const octal = (value: number, offset: number, length: number) =>
    header.write(
      `${Math.floor(value)
        .toString(8)
        .padStart(length - 1, "0")}\0`,
      offset,
      length,
      "latin1",
    );
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(modifiedSeconds, 136, 12);
  header.write("        0", 148, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return header;
}

/** What fills the last block of a file of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

/** What ends an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);
