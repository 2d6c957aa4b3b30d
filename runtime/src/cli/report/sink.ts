import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { messageOf } from "../../core/text/message-of.ts";
import { CliError } from "../cli-error.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** Where a bundle's files go. What it throws is a {@link CliError} that names the place. */
export interface Sink {
  /** The folder or archive, for the user. */
  readonly place: string;
  file(path: string, content: string): Promise<void>;
  close(): Promise<void>;
  /** Leave nothing behind that could be taken for a bundle. */
  discard(): Promise<void>;
}

/** A folder, which must be empty or absent. Its files can be read by their owner only. */
export async function folderSink(folder: string): Promise<Sink> {
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new CliError(`Cannot write to ${folder}: ${error.message}`, { cause: error });
  });
  if (present !== undefined && present.length > 0) {
    throw new CliError(`${folder} is not empty: name a new folder with --output`, { exitCode: 2 });
  }
  const guarded = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      throw new CliError(`Cannot write to ${folder}: ${messageOf(error)}`, { cause: error });
    }
  };
  await guarded(() => mkdir(folder, { recursive: true, mode: 0o700 }));
  return {
    place: folder,
    file: (path, content) =>
      guarded(async () => {
        await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
        await writeFile(join(folder, path), content, { mode: 0o600 });
      }),
    close: async () => undefined,
    discard: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A compressed archive `{name}.tar.gz` in `directory`, with one folder `name` in it; only its owner can read it. */
export async function archiveSink(directory: string, name: string, nowMs: number): Promise<Sink> {
  const place = join(directory, `${name}.tar.gz`);
  const gzip = createGzip();
  const out = createWriteStream(place, { flags: "wx", mode: 0o600 });
  let problem: unknown;
  const failed = (error: unknown) => {
    problem ??= error;
    gzip.destroy();
  };
  out.on("error", failed);
  gzip.on("error", failed);
  gzip.pipe(out);
  const demand = () => {
    if (problem === undefined) return;
    throw new CliError(`Cannot write ${place}: ${messageOf(problem)}`, { cause: problem });
  };
  const write = async (part: Buffer) => {
    demand();
    if (part.length > 0 && !gzip.write(part)) await Promise.race([once(gzip, "drain"), once(gzip, "close")]);
    demand();
  };
  await Promise.race([once(out, "open"), once(gzip, "close")]).catch(() => undefined);
  demand();
  return {
    place,
    async file(path, content) {
      const bytes = Buffer.from(content);
      await write(tarHeader(`${name}/${path}`, bytes.length, nowMs / 1000));
      await write(bytes);
      await write(tarPadding(bytes.length));
    },
    async close() {
      await write(tarEnd);
      gzip.end();
      await finished(out).catch(failed);
      demand();
    },
    async discard() {
      gzip.destroy();
      out.destroy();
      await rm(place, { force: true });
    },
  };
}
