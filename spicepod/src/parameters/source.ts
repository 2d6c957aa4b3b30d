import type { Source } from "../source.ts";
import type { ParameterSpec } from "./parameter.ts";

/** The parameters that a source takes under the dataset's `params`, as the runtime's connectors tell them. */
export type SourceParameters = (source: Source) => readonly ParameterSpec[];
