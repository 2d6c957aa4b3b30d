import type { Database } from "../../ports/database.ts";

const attached = new WeakMap<Database, Map<string, Promise<void>>>();

/**
 * Have a catalogue in memory under `name` in `database`, for as long as that is open. Once per database, since of two
 * `ATTACH IF NOT EXISTS` at the same moment the engine (1.5.5) may fail the second. Throws `SqlError`; the next call tries
 * again then.
 *
 * @param name without quotes; an identifier that needs none
 */
export function attachMemory(database: Database, name: string): Promise<void> {
  const names = attached.get(database) ?? new Map<string, Promise<void>>();
  attached.set(database, names);
  const known = names.get(name);
  if (known !== undefined) return known;
  const attaching = database.run(`ATTACH IF NOT EXISTS ':memory:' AS ${name}`).then(
    () => undefined,
    (error: unknown) => {
      names.delete(name);
      throw error;
    },
  );
  names.set(name, attaching);
  return attaching;
}
