import { messageOf } from "../../core/text/message-of.ts";
import { Redaction } from "./redaction.ts";
import type { Sink } from "./sink.ts";

/** What keeps a bundle small enough to send. Counts are of characters after redaction. */
export interface BundleLimits {
  readonly file: number;
  readonly total: number;
}

export const defaultLimits: BundleLimits = { file: 2 * 2 ** 20, total: 64 * 2 ** 20 };

interface Collected {
  readonly path: string;
  readonly size: number;
  readonly note?: string;
}

interface Missing {
  readonly what: string;
  readonly reason: string;
}

/**
 * A support bundle that is being written: files without secrets, and a manifest of what is in it, what is not, and
 * why. Everything goes through its {@link Redaction}; there is no other way in.
 */
export class Bundle {
  readonly redaction = new Redaction();
  readonly #sink: Sink;
  readonly #limits: BundleLimits;
  readonly #collected: Collected[] = [];
  readonly #missing: Missing[] = [];
  readonly #notes: string[] = [];
  #left: number;
  /** One file after the other, whoever collects at the same time. */
  #turn: Promise<void> = Promise.resolve();

  constructor(sink: Sink, limits: BundleLimits = defaultLimits) {
    this.#sink = sink;
    this.#limits = limits;
    this.#left = limits.total;
  }

  /** Where it is. */
  get place(): string {
    return this.#sink.place;
  }

  get collected(): readonly Collected[] {
    return this.#collected;
  }

  get missing(): readonly Missing[] {
    return this.#missing;
  }

  /** Add a text; of one that is too long its end is kept, since logs tell the latest there. */
  text(path: string, text: string, note?: string): Promise<void> {
    return this.#add(path, this.redaction.text(text), note);
  }

  /** Add a value as JSON that people can read. */
  json(path: string, value: unknown, note?: string): Promise<void> {
    return this.#add(path, `${JSON.stringify(this.redaction.json(value), null, 2)}\n`, note);
  }

  /** Something could not be collected. */
  failed(what: string, error: unknown): void {
    const reason = this.redaction.text(typeof error === "string" ? error : messageOf(error));
    this.#missing.push({ what, reason: reason.slice(0, 1000) });
  }

  /** Something that whoever reads the bundle should know. */
  note(text: string): void {
    this.#notes.push(this.redaction.text(text));
  }

  /** Do it, and note a failure as one of `what`. Only an aborted signal is thrown on. */
  async attempt<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      this.failed(what, error);
      return undefined;
    }
  }

  /** Write the manifest and end the bundle. */
  async finish(about: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#turn;
    const manifest = {
      ...about,
      redaction:
        "Values of Secrets are not in this bundle, and what looks like a secret was replaced by [redacted]. Look through it before you pass it on.",
      limits: { characters_per_file: this.#limits.file, characters_in_all: this.#limits.total },
      notes: this.#notes,
      not_collected: this.#missing,
      collected: [...this.#collected].sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
    await this.#sink.file("manifest.json", `${JSON.stringify(this.redaction.json(manifest), null, 2)}\n`);
    await this.#sink.close();
  }

  async #add(path: string, clean: string, note: string | undefined): Promise<void> {
    const before = this.#turn;
    let done: () => void = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      const cut = clean.length > this.#limits.file;
      const kept = cut ? tail(clean, this.#limits.file) : clean;
      if (kept.length > this.#left) {
        this.failed(path, "The bundle is full");
        return;
      }
      this.#left -= kept.length;
      const file = safePath(path);
      await this.#sink.file(file, kept);
      const notes = [note, ...(cut ? [`only its last ${kept.length} characters`] : [])].filter(
        (each) => each !== undefined,
      );
      this.#collected.push({
        path: file,
        size: kept.length,
        ...(notes.length === 0 ? {} : { note: notes.join("; ") }),
      });
    } finally {
      done();
    }
  }
}

function tail(text: string, length: number): string {
  const cut = text.slice(text.length - length);
  // Whole lines, so that nothing is read that was not said.
  const line = cut.indexOf("\n");
  return line < 0 ? cut : cut.slice(line + 1);
}

/** A path of plain characters that cannot lead out of the bundle, and is short enough for an archive. */
function safePath(path: string): string {
  return path
    .split("/")
    .map((part) =>
      part
        .replace(/[^\w.-]/g, "_")
        .replace(/^\.+/, "_")
        .slice(-90),
    )
    .join("/");
}
