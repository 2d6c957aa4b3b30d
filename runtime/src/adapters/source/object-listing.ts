import { createHash } from "node:crypto";

/** One file or object of a source, as a listing shows it. */
export interface SourceObject {
  /** What the engine opens. */
  readonly path: string;
  /** Changes when the content changes: size with ETag, or with the time of the last change. */
  readonly tag: string;
}

export interface ObjectListing {
  /** For messages. */
  readonly location: string;
  /** All objects in path order. Throws `SourceError`. */
  list(signal?: AbortSignal): Promise<readonly SourceObject[]>;
  /** Make the engine able to open the paths (credentials may expire). */
  authorize(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const idLength = 12;

/** A position: a digest of all objects, and their short identities when `track` is set (for append). */
export function positionOf(objects: readonly SourceObject[], track: boolean): string {
  const all = createHash("sha256");
  let ids = "";
  for (const object of objects) {
    const id = identity(object);
    all.update(id);
    if (track) ids += id.slice(0, idLength);
  }
  return `${all.digest("hex").slice(0, 32)}:${ids}`;
}

/** The objects that were not there at `position`, a tracking one. A changed object counts as new. */
export function newSince(objects: readonly SourceObject[], position: string): readonly SourceObject[] {
  const ids = position.slice(position.indexOf(":") + 1);
  const known = new Set<string>();
  for (let i = 0; i < ids.length; i += idLength) known.add(ids.slice(i, i + idLength));
  return objects.filter((object) => !known.has(identity(object).slice(0, idLength)));
}

function identity(object: SourceObject): string {
  return createHash("sha256").update(`${object.path}\0${object.tag}`).digest("hex");
}
