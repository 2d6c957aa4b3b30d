/** The settings that all processes of one run share. */
export interface SimSettings {
  readonly ttlMs: number;
  readonly lostAfterMs: number;
  readonly intervalMs: number;
  /** Small, so that runs use assignment objects too. */
  readonly maxInline: number;
}
