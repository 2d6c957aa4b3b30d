/** The representations of a query result. */
export type FormatName = "json" | "vendor-json" | "csv" | "text" | "arrow";

const known: Readonly<Record<string, FormatName>> = {
  "application/json": "json",
  "application/vnd.spiceai.sql.v1+json": "vendor-json",
  "text/csv": "csv",
  "text/plain": "text",
  "application/vnd.apache.arrow.stream": "arrow",
  "*/*": "json",
  "application/*": "json",
};

/** The format of the first known type in an `Accept` header that is not ruled out by `q=0`; else JSON. */
export function negotiate(accept: string | undefined): FormatName {
  for (const part of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const format = known[type];
    if (format !== undefined && !parameters.some((p) => /^q\s*=\s*0(?:\.0*)?$/.test(p))) return format;
  }
  return "json";
}
