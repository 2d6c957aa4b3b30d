/** The message of whatever was thrown. Errors of native addons and of other realms are no `instanceof Error`. */
export function messageOf(error: unknown): string {
  return String((error as { message?: unknown } | null | undefined)?.message ?? error);
}
