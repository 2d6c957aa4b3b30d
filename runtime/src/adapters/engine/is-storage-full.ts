import { SqlError } from "../../ports/database.ts";

/** Whether a write failed because the storage has no room, as the system or the database says it. */
export function isStorageFull(error: unknown): boolean {
  if (["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "")) return true;
  const words = /no space left|disk quota|could not write|max_temp_directory_size|out of disk/i;
  return error instanceof SqlError && words.test(error.message);
}
