import { quoteIdentifier } from "../../sql/quote.ts";

/** A function's name as SQL, with its schema where the statement or the parser gave one. */
export function functionName(f: {
  readonly function_name: string;
  readonly schema: string;
  readonly catalog: string;
}): string {
  return [f.catalog, f.schema, f.function_name]
    .filter((part) => part !== "")
    .map(quoteIdentifier)
    .join(".");
}
