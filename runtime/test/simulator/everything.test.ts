import { playPart } from "./play-part.ts";

/** Every kind of fault, in short schedules and, each tenth, in long ones. */
playPart("everything");
