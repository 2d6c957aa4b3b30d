import { playPart } from "./play-part.ts";

/** Schedulers come, go, are replaced and lose the store; executors only serve. */
playPart("membership");
