import type { TestTable } from "./test-cluster.ts";

/**
 * A wide table of page visits: skewed keys, mostly empty strings, long texts, many distinct values, as web analytics
 * have them. Every value follows from the row's number, so that each run has the same rows.
 */
export function visits(rows: number, partitionBy: readonly string[]): TestTable {
  const skewed = (salt: number, distinct: number) =>
    `CAST(floor(${distinct} * power((hash(i, ${salt}) % 1000000) / 1000000, 4)) AS INTEGER)`;
  const pick = (salt: number, distinct: number) => `CAST(hash(i, ${salt}) % ${distinct} AS INTEGER)`;
  const sometimes = (salt: number, percent: number, value: string) =>
    `CASE WHEN hash(i, ${salt}) % 100 < ${percent} THEN ${value} ELSE '' END`;
  return {
    name: "visits",
    partitionBy,
    select: `SELECT
      CAST(hash(i, 1) >> 1 AS BIGINT) AS visit_id,
      TIMESTAMP '2013-07-01' + to_seconds(${pick(2, 2_678_400)}) AS seen_at,
      CAST(TIMESTAMP '2013-07-01' + to_seconds(${pick(2, 2_678_400)}) AS DATE) AS seen_on,
      ${skewed(3, 80)} AS site,
      CAST(hash(${skewed(4, 4000)}, 4) >> 2 AS BIGINT) AS visitor,
      ${skewed(5, 500)} AS region,
      CAST(${skewed(6, 60)} AS SMALLINT) AS system,
      CAST(${skewed(7, 30)} AS SMALLINT) AS browser,
      CAST(CASE WHEN hash(i, 8) % 100 < 6 THEN ${pick(9, 12)} + 1 ELSE 0 END AS SMALLINT) AS advert,
      CAST(CASE WHEN hash(i, 10) % 100 < 20 THEN ${pick(11, 40)} ELSE 0 END AS SMALLINT) AS search_engine,
      ${sometimes(12, 25, `'looking for ' || ${skewed(13, 900)}`)} AS phrase,
      ${sometimes(14, 15, `'phone ' || ${skewed(15, 70)}`)} AS phone,
      CAST(${pick(16, 6)} AS SMALLINT) AS phone_kind,
      'http://' || (CASE WHEN hash(i, 17) % 9 = 0 THEN 'google' ELSE 'shop' || ${skewed(18, 50)} END) || '.example/page/' || ${skewed(19, 1500)} AS url,
      CASE WHEN hash(i, 20) % 3 = 0 THEN '' ELSE 'https://www.ref' || ${skewed(21, 120)} || '.example/' || ${pick(22, 5)} END AS referrer,
      'Title number ' || ${skewed(23, 700)} || (CASE WHEN hash(i, 24) % 40 = 0 THEN ' Google' ELSE '' END) AS title,
      CAST(1000 + ${pick(25, 1600)} AS SMALLINT) AS width,
      CAST(600 + ${pick(26, 900)} AS SMALLINT) AS height,
      CAST(hash(i, 27) % 10 < 2 AS SMALLINT) AS refresh,
      CAST(hash(i, 28) % 20 = 0 AS SMALLINT) AS hidden,
      CAST(hash(i, 29) % 10 < 3 AS SMALLINT) AS is_link,
      CAST(hash(i, 30) % 50 = 0 AS SMALLINT) AS is_download,
      CAST(${skewed(31, 8)} - 1 AS SMALLINT) AS traffic,
      ${skewed(32, 3000)} * 65537 AS address,
      CAST(hash(${skewed(33, 300)}, 33) >> 3 AS BIGINT) AS url_hash,
      CAST(hash(${skewed(34, 200)}, 34) >> 3 AS BIGINT) AS referrer_hash,
      CAST(${pick(35, 100000)} / 100.0 AS DECIMAL(10,2)) AS price,
      CASE WHEN hash(i, 36) % 10 = 0 THEN NULL ELSE ${pick(37, 60_000)} END AS load_ms
    FROM range(${rows}) AS r(i)`,
  };
}

const sums = Array.from({ length: 90 }, (_, i) => `sum(width${i === 0 ? "" : ` + ${i}`})`).join(", ");
const july = "seen_on >= '2013-07-01' AND seen_on <= '2013-07-31'";

/** Forty-three questions in the shapes of web-analytics benchmarks; ties are broken, so that answers are unique. */
export const wideQueries: readonly string[] = [
  "SELECT count(*) FROM visits",
  "SELECT count(*) FROM visits WHERE advert <> 0",
  "SELECT sum(advert), count(*), avg(width) FROM visits",
  "SELECT avg(visitor) FROM visits",
  "SELECT count(DISTINCT visitor) FROM visits",
  "SELECT count(DISTINCT phrase) FROM visits",
  "SELECT min(seen_on), max(seen_on) FROM visits",
  "SELECT advert, count(*) AS n FROM visits WHERE advert <> 0 GROUP BY advert ORDER BY n DESC, advert",
  "SELECT region, count(DISTINCT visitor) AS people FROM visits GROUP BY region ORDER BY people DESC, region LIMIT 10",
  "SELECT region, sum(advert), count(*) AS c, avg(width), count(DISTINCT visitor) FROM visits GROUP BY region ORDER BY c DESC, region LIMIT 10",
  "SELECT phone, count(DISTINCT visitor) AS u FROM visits WHERE phone <> '' GROUP BY phone ORDER BY u DESC, phone LIMIT 10",
  "SELECT phone_kind, phone, count(DISTINCT visitor) AS u FROM visits WHERE phone <> '' GROUP BY phone_kind, phone ORDER BY u DESC, phone, phone_kind LIMIT 10",
  "SELECT phrase, count(*) AS c FROM visits WHERE phrase <> '' GROUP BY phrase ORDER BY c DESC, phrase LIMIT 10",
  "SELECT phrase, count(DISTINCT visitor) AS u FROM visits WHERE phrase <> '' GROUP BY phrase ORDER BY u DESC, phrase LIMIT 10",
  "SELECT search_engine, phrase, count(*) AS c FROM visits WHERE phrase <> '' GROUP BY search_engine, phrase ORDER BY c DESC, phrase, search_engine LIMIT 10",
  "SELECT visitor, count(*) FROM visits GROUP BY visitor ORDER BY count(*) DESC, visitor LIMIT 10",
  "SELECT visitor, phrase, count(*) FROM visits GROUP BY visitor, phrase ORDER BY count(*) DESC, visitor, phrase LIMIT 10",
  "SELECT count(*) FROM (SELECT visitor, phrase, count(*) FROM visits GROUP BY visitor, phrase)",
  "SELECT visitor, extract(minute FROM seen_at) AS m, phrase, count(*) FROM visits GROUP BY visitor, m, phrase ORDER BY count(*) DESC, visitor, m, phrase LIMIT 10",
  "SELECT visitor FROM visits WHERE visitor = 435090932899640449 ORDER BY visitor",
  "SELECT count(*) FROM visits WHERE url LIKE '%google%'",
  "SELECT phrase, min(url), count(*) AS c FROM visits WHERE url LIKE '%google%' AND phrase <> '' GROUP BY phrase ORDER BY c DESC, phrase LIMIT 10",
  "SELECT phrase, min(url), min(title), count(*) AS c, count(DISTINCT visitor) FROM visits WHERE title LIKE '%Google%' AND url NOT LIKE '%.google.%' AND phrase <> '' GROUP BY phrase ORDER BY c DESC, phrase LIMIT 10",
  "SELECT * FROM visits WHERE url LIKE '%google%' ORDER BY seen_at, visit_id LIMIT 10",
  "SELECT phrase FROM visits WHERE phrase <> '' ORDER BY seen_at, visit_id LIMIT 10",
  "SELECT phrase FROM visits WHERE phrase <> '' ORDER BY phrase LIMIT 10",
  "SELECT phrase FROM visits WHERE phrase <> '' ORDER BY seen_at, phrase LIMIT 10",
  "SELECT site, avg(strlen(url)) AS l, count(*) AS c FROM visits WHERE url <> '' GROUP BY site HAVING count(*) > 100 ORDER BY l DESC, site LIMIT 25",
  "SELECT regexp_replace(referrer, '^https?://(?:www\\.)?([^/]+)/.*$', '\\1') AS k, avg(strlen(referrer)) AS l, count(*) AS c, min(referrer) FROM visits WHERE referrer <> '' GROUP BY k HAVING count(*) > 20 ORDER BY l DESC, k LIMIT 25",
  `SELECT ${sums} FROM visits`,
  "SELECT search_engine, address, count(*) AS c, sum(refresh), avg(width) FROM visits WHERE phrase <> '' GROUP BY search_engine, address ORDER BY c DESC, address, search_engine LIMIT 10",
  "SELECT visit_id, address, count(*) AS c, sum(refresh), avg(width) FROM visits WHERE phrase <> '' GROUP BY visit_id, address ORDER BY c DESC, visit_id LIMIT 10",
  "SELECT visit_id, address, count(*) AS c, sum(refresh), avg(width) FROM visits GROUP BY visit_id, address ORDER BY c DESC, visit_id LIMIT 10",
  "SELECT url, count(*) AS c FROM visits GROUP BY url ORDER BY c DESC, url LIMIT 10",
  "SELECT 1, url, count(*) AS c FROM visits GROUP BY 1, url ORDER BY c DESC, url LIMIT 10",
  "SELECT address, address - 1, address - 2, address - 3, count(*) AS c FROM visits GROUP BY address, address - 1, address - 2, address - 3 ORDER BY c DESC, address LIMIT 10",
  `SELECT url, count(*) AS views FROM visits WHERE site = 2 AND ${july} AND hidden = 0 AND refresh = 0 AND url <> '' GROUP BY url ORDER BY views DESC, url LIMIT 10`,
  `SELECT title, count(*) AS views FROM visits WHERE site = 2 AND ${july} AND hidden = 0 AND refresh = 0 AND title <> '' GROUP BY title ORDER BY views DESC, title LIMIT 10`,
  `SELECT url, count(*) AS views FROM visits WHERE site = 0 AND ${july} AND refresh = 0 AND is_link <> 0 AND is_download = 0 GROUP BY url ORDER BY views DESC, url LIMIT 10 OFFSET 100`,
  `SELECT traffic, search_engine, advert, CASE WHEN (search_engine = 0 AND advert = 0) THEN referrer ELSE '' END AS src, url AS dst, count(*) AS views FROM visits WHERE site = 0 AND ${july} AND refresh = 0 GROUP BY traffic, search_engine, advert, src, dst ORDER BY views DESC, dst, src, traffic, search_engine, advert LIMIT 10 OFFSET 100`,
  `SELECT url_hash, seen_on, count(*) AS views FROM visits WHERE site = 0 AND ${july} AND refresh = 0 AND traffic IN (-1, 6) AND referrer_hash % 7 = 3 GROUP BY url_hash, seen_on ORDER BY views DESC, url_hash, seen_on LIMIT 10 OFFSET 10`,
  `SELECT width, height, count(*) AS views FROM visits WHERE site = 0 AND ${july} AND refresh = 0 AND hidden = 0 AND url_hash % 5 = 2 GROUP BY width, height ORDER BY views DESC, width, height LIMIT 10 OFFSET 50`,
  `SELECT date_trunc('hour', seen_at) AS h, count(*) AS views FROM visits WHERE site = 0 AND seen_on >= '2013-07-14' AND seen_on <= '2013-07-15' AND refresh = 0 AND hidden = 0 GROUP BY date_trunc('hour', seen_at) ORDER BY date_trunc('hour', seen_at) LIMIT 10 OFFSET 10`,
];
