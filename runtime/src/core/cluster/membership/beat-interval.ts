/** How often an executor beats (spec chapter 04, Read lease). */
export const BEAT_INTERVAL_MS = 2_000;
