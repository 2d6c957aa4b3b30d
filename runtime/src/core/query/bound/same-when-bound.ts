/**
 * Functions whose bound form is the call itself. The engine rewrites others while binding (drops constant arguments,
 * keeps state aside), so that their bound form is not SQL.
 */
export const sameWhenBound: ReadonlySet<string> = new Set([
  ..."+ - * / // % & | ~ << >> || ~~ !~~ ~~* !~~* ^@ prefix suffix contains starts_with ends_with".split(" "),
  ..."lower upper lcase ucase length strlen substring substr left right trim ltrim rtrim replace reverse".split(
    " ",
  ),
  ..."like_escape not_like_escape ilike_escape not_ilike_escape abs mod date_part datepart".split(" "),
  ..."year month day hour minute second quarter week weekofyear dayofweek weekday isodow dayofyear".split(
    " ",
  ),
  ..."isoyear decade century millennium epoch epoch_ms date_trunc datetrunc".split(" "),
  ..."isnan isinf isfinite coalesce bucket truncate".split(" "),
]);
