const wideSums = Array.from({ length: 90 }, (_, k) => `sum(resolution_width + ${k}) AS s${k}`).join(", ");

/**
 * 43 statements on `hits` that cover the shapes of an analytics dashboard: counts, distinct counts, top lists, filters by
 * pattern and date, deep offsets, wide sums, time buckets. Ties at a LIMIT are broken by further keys where the shape
 * allows; statements 18 and 24 keep an ambiguous LIMIT on purpose. None is of a kind that only gathering can answer,
 * but for plain row lists.
 */
export const clickbenchSql: readonly string[] = [
  "SELECT count(*) AS hits FROM hits",
  "SELECT count(*) AS paid FROM hits WHERE adv_engine_id <> 0",
  "SELECT sum(adv_engine_id) AS engines, count(*) AS n, avg(resolution_width) AS width FROM hits",
  "SELECT avg(user_id) AS middle FROM hits",
  "SELECT count(DISTINCT user_id) AS visitors FROM hits",
  "SELECT count(DISTINCT search_phrase) AS phrases FROM hits",
  "SELECT min(event_date) AS first_day, max(event_date) AS last_day FROM hits",
  `SELECT adv_engine_id, count(*) AS n FROM hits WHERE adv_engine_id <> 0
   GROUP BY adv_engine_id ORDER BY n DESC, adv_engine_id`,
  `SELECT region_id, count(DISTINCT user_id) AS visitors FROM hits
   GROUP BY region_id ORDER BY visitors DESC, region_id LIMIT 10`,
  `SELECT region_id, sum(adv_engine_id) AS engines, count(*) AS n, avg(resolution_width) AS width,
          count(DISTINCT user_id) AS visitors
   FROM hits GROUP BY region_id ORDER BY n DESC, region_id LIMIT 10`,
  `SELECT mobile_phone_model, count(DISTINCT user_id) AS visitors FROM hits WHERE mobile_phone_model <> ''
   GROUP BY mobile_phone_model ORDER BY visitors DESC, mobile_phone_model LIMIT 10`,
  `SELECT mobile_phone, mobile_phone_model, count(DISTINCT user_id) AS visitors FROM hits
   WHERE mobile_phone_model <> '' GROUP BY ALL
   ORDER BY visitors DESC, mobile_phone, mobile_phone_model LIMIT 10`,
  `SELECT search_phrase, count(*) AS n FROM hits WHERE search_phrase <> ''
   GROUP BY search_phrase ORDER BY n DESC, search_phrase LIMIT 10`,
  `SELECT search_phrase, count(DISTINCT user_id) AS visitors FROM hits WHERE search_phrase <> ''
   GROUP BY 1 ORDER BY visitors DESC, search_phrase LIMIT 10`,
  `SELECT search_engine_id, search_phrase, count(*) AS n FROM hits WHERE search_phrase <> ''
   GROUP BY search_engine_id, search_phrase ORDER BY n DESC, search_engine_id, search_phrase LIMIT 10`,
  "SELECT user_id, count(*) AS n FROM hits GROUP BY user_id ORDER BY n DESC, user_id LIMIT 10",
  `SELECT user_id, search_phrase, count(*) AS n FROM hits
   GROUP BY user_id, search_phrase ORDER BY n DESC, user_id, search_phrase LIMIT 10`,
  "SELECT user_id, search_phrase, count(*) AS n FROM hits GROUP BY user_id, search_phrase LIMIT 10",
  `SELECT user_id, extract(minute FROM event_time) AS m, search_phrase, count(*) AS n FROM hits
   GROUP BY user_id, m, search_phrase ORDER BY n DESC, user_id, m, search_phrase LIMIT 10`,
  "SELECT user_id, url FROM hits WHERE user_id = (SELECT max(user_id) FROM hits WHERE counter_id = 62)",
  "SELECT count(*) AS n FROM hits WHERE url LIKE '%google%'",
  `SELECT search_phrase, min(url) AS a_url, count(*) AS n FROM hits
   WHERE url LIKE '%google%' AND search_phrase <> ''
   GROUP BY search_phrase ORDER BY n DESC, search_phrase LIMIT 10`,
  `SELECT search_phrase, min(url) AS a_url, min(title) AS a_title, count(*) AS n, count(DISTINCT user_id) AS visitors
   FROM hits WHERE title LIKE '%Google%' AND url NOT LIKE '%.google.%' AND search_phrase <> ''
   GROUP BY search_phrase ORDER BY n DESC, search_phrase LIMIT 10`,
  "SELECT * FROM hits WHERE url LIKE '%google%' ORDER BY event_time LIMIT 10",
  `SELECT search_phrase, event_time, watch_id FROM hits WHERE search_phrase <> ''
   ORDER BY event_time, watch_id LIMIT 10`,
  "SELECT search_phrase FROM hits WHERE search_phrase <> '' ORDER BY search_phrase LIMIT 10",
  `SELECT search_phrase, event_time FROM hits WHERE search_phrase <> ''
   ORDER BY event_time, search_phrase LIMIT 10`,
  `SELECT counter_id, avg(strlen(url)) AS length, count(*) AS n FROM hits WHERE url <> ''
   GROUP BY counter_id HAVING count(*) > 20 ORDER BY length DESC, counter_id LIMIT 25`,
  `SELECT regexp_replace(referer, '^https?://(?:www\\.)?([^/]+)/.*$', '\\1') AS site,
          avg(strlen(referer)) AS length, count(*) AS n, min(referer) AS sample
   FROM hits WHERE referer <> '' GROUP BY site HAVING count(*) > 50 ORDER BY length DESC, site LIMIT 25`,
  `SELECT ${wideSums} FROM hits`,
  `SELECT search_engine_id, client_ip, count(*) AS n, sum(is_refresh) AS refreshes, avg(resolution_width) AS width
   FROM hits WHERE search_phrase <> '' GROUP BY search_engine_id, client_ip
   ORDER BY n DESC, search_engine_id, client_ip LIMIT 10`,
  `SELECT watch_id, client_ip, count(*) AS n, sum(is_refresh) AS refreshes, avg(resolution_width) AS width
   FROM hits WHERE search_phrase <> '' GROUP BY watch_id, client_ip ORDER BY n DESC, watch_id, client_ip LIMIT 10`,
  `SELECT watch_id, client_ip, count(*) AS n, sum(is_refresh) AS refreshes, avg(resolution_width) AS width
   FROM hits GROUP BY watch_id, client_ip ORDER BY n DESC, watch_id, client_ip LIMIT 10`,
  "SELECT url, count(*) AS n FROM hits GROUP BY url ORDER BY n DESC, url LIMIT 10",
  "SELECT 1 AS one, url, count(*) AS n FROM hits GROUP BY 1, url ORDER BY n DESC, url LIMIT 10",
  `SELECT client_ip, client_ip - 1 AS a, client_ip - 2 AS b, client_ip - 3 AS c, count(*) AS n FROM hits
   GROUP BY client_ip, client_ip - 1, client_ip - 2, client_ip - 3 ORDER BY n DESC, client_ip LIMIT 10`,
  `SELECT url, count(*) AS views FROM hits
   WHERE counter_id = 62 AND event_date >= '2013-07-01' AND event_date <= '2013-07-31'
     AND dont_count_hits = 0 AND is_refresh = 0 AND url <> ''
   GROUP BY url ORDER BY views DESC, url LIMIT 10`,
  `SELECT title, count(*) AS views FROM hits
   WHERE counter_id = 62 AND event_date BETWEEN '2013-07-01' AND '2013-07-31'
     AND dont_count_hits = 0 AND is_refresh = 0 AND title <> ''
   GROUP BY title ORDER BY views DESC, title LIMIT 10`,
  `SELECT url, count(*) AS views FROM hits
   WHERE counter_id = 62 AND event_date >= '2013-07-01' AND event_date <= '2013-07-31'
     AND is_refresh = 0 AND is_link <> 0 AND is_download = 0
   GROUP BY url ORDER BY views DESC, url LIMIT 10 OFFSET 20`,
  `SELECT traffic_source_id, search_engine_id, adv_engine_id,
          CASE WHEN search_engine_id = 0 AND adv_engine_id = 0 THEN referer ELSE '' END AS src,
          url AS dst, count(*) AS views
   FROM hits WHERE counter_id = 62 AND event_date BETWEEN '2013-07-01' AND '2013-07-31' AND is_refresh = 0
   GROUP BY traffic_source_id, search_engine_id, adv_engine_id, src, dst
   ORDER BY views DESC, traffic_source_id, search_engine_id, adv_engine_id, src, dst LIMIT 10 OFFSET 100`,
  `SELECT url_hash, event_date, count(*) AS views FROM hits
   WHERE counter_id = 62 AND event_date BETWEEN '2013-07-01' AND '2013-07-31' AND is_refresh = 0
     AND traffic_source_id IN (-1, 6)
   GROUP BY url_hash, event_date ORDER BY views DESC, url_hash, event_date LIMIT 10 OFFSET 10`,
  `SELECT window_client_width, window_client_height, count(*) AS views FROM hits
   WHERE counter_id = 62 AND event_date BETWEEN '2013-07-01' AND '2013-07-31'
     AND is_refresh = 0 AND dont_count_hits = 0
   GROUP BY window_client_width, window_client_height
   ORDER BY views DESC, window_client_width, window_client_height LIMIT 10 OFFSET 100`,
  `SELECT date_trunc('minute', event_time) AS minute, count(*) AS views FROM hits
   WHERE counter_id = 62 AND event_date >= '2013-07-14' AND event_date <= '2013-07-15'
     AND is_refresh = 0 AND dont_count_hits = 0
   GROUP BY date_trunc('minute', event_time) ORDER BY date_trunc('minute', event_time) LIMIT 10 OFFSET 100`,
];
