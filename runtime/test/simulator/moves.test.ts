import { playPart } from "./play-part.ts";

/** Partitions move: losses, joins, drains, and processes that go away in between. */
playPart("moves");
