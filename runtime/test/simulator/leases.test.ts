import { playPart } from "./play-part.ts";

/** Executors fall silent, or only seem to: whoever judges must not be wrong about their leases. */
playPart("leases");
