import { execFileSync } from "node:child_process";

/** What an image starts as, in the words of the OCI's configuration. */
export interface ImageConfig {
  readonly User?: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly StopSignal?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface ImageFile {
  readonly path: string;
  /** As `ls -l` shows it: `-rwxr-xr-x`. */
  readonly mode: string;
  readonly owner: string;
  readonly bytes: number;
}

/** An image's archive (docker's format), as it lies on disk. */
export class ImageArchive {
  readonly #file: string;
  readonly #layers: readonly string[];
  readonly config: ImageConfig;
  readonly names: readonly string[];

  constructor(file: string) {
    this.#file = file;
    const [image] = JSON.parse(this.#member("manifest.json").toString()) as {
      readonly Config: string;
      readonly RepoTags: readonly string[];
      readonly Layers: readonly string[];
    }[];
    if (image === undefined) throw new Error(`${file} has no image`);
    this.#layers = image.Layers;
    this.names = image.RepoTags;
    const { config } = JSON.parse(this.#member(image.Config).toString()) as { config: ImageConfig };
    this.config = config;
  }

  /** Everything in its layers. */
  files(): readonly ImageFile[] {
    const lines = this.#layers.flatMap((layer) =>
      tar(["-tvf", "-"], this.#member(layer)).toString().split("\n"),
    );
    return lines.filter(Boolean).map((line) => {
      const [mode = "", owner = "", bytes = "", , , ...path] = line.split(/\s+/);
      return { mode, owner, bytes: Number(bytes), path: path.join(" ").replace(/ -> .*/, "") };
    });
  }

  /** The content of a file. @throws Error when no layer has it */
  read(path: string): string {
    const layer = this.#layers.find((each) =>
      tar(["-tf", "-"], this.#member(each)).toString().split("\n").includes(path),
    );
    if (layer === undefined) throw new Error(`no layer has ${path}`);
    return tar(["-xOf", "-", path], this.#member(layer)).toString();
  }

  #member(name: string): Buffer {
    return tar(["-xOf", this.#file, name]);
  }
}

function tar(args: readonly string[], input?: Buffer): Buffer {
  return execFileSync("tar", args, { maxBuffer: 2 ** 30, ...(input === undefined ? {} : { input }) });
}
