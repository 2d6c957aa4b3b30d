import type { FormatName } from "../negotiate.ts";
import { arrowFormat } from "./arrow/arrow-format.ts";
import { csvFormat } from "./csv.ts";
import type { ResultFormat } from "./format.ts";
import { jsonFormat, vendorJsonFormat } from "./json.ts";
import { textFormat } from "./text.ts";

/** Every representation of a result, by the name that content negotiation gives. */
export const formats: Readonly<Record<FormatName, ResultFormat>> = {
  json: jsonFormat,
  "vendor-json": vendorJsonFormat,
  csv: csvFormat,
  text: textFormat,
  arrow: arrowFormat,
};
