/**
 * The wide table `hits` of a web counter, as one SELECT over a range: the same rows whoever runs it.
 *
 * Distributions follow what such a table is like: few counters have most of the hits, visitors come back, searches are
 * mostly empty, most flags are mostly off, and pages and titles are long strings with a heavy head. About `rows / 12`
 * visitors; the dates lie in July 2013; counter 62 has about a third of the hits.
 */
export const hitsSql = (rows: number): string => `
WITH seed AS (
  SELECT i,
         (hash(i, 1) % 1000003) / 1000003.0::DOUBLE AS a,
         (hash(i, 2) % 1000003) / 1000003.0::DOUBLE AS b,
         (hash(i, 3) % 1000003) / 1000003.0::DOUBLE AS c,
         (hash(i, 4) % 1000003) / 1000003.0::DOUBLE AS d,
         (hash(i, 5) % 1000003) / 1000003.0::DOUBLE AS e,
         (hash(i, 6) % 1000003) / 1000003.0::DOUBLE AS f
  FROM range(${rows}) t(i)
), visit AS (
  SELECT *,
         CASE WHEN a < 0.34 THEN 62 WHEN a < 0.5 THEN 1483 ELSE 100 + floor(pow(b, 4) * 6000)::INTEGER END AS counter,
         floor(pow(c, 2) * ${Math.max(1, Math.floor(rows / 12))})::BIGINT AS visitor,
         floor(pow(d, 5) * 4000)::BIGINT AS page,
         floor(pow(e, 3) * 900)::BIGINT AS phrase
  FROM seed
)
SELECT
  (4611686018427387904 + (hash(i, 7) % 4611686018427387903)::BIGINT)::BIGINT AS watch_id,
  (e < 0.82)::SMALLINT AS java_enabled,
  CASE WHEN f < 0.06 THEN '' ELSE concat('Page ', page, CASE WHEN page % 19 = 0 THEN ' - Google maps and weather'
       WHEN page % 7 = 0 THEN ' | news, forum, photo' ELSE ' online shop, prices and reviews' END) END AS title,
  1::SMALLINT AS good_event,
  TIMESTAMP '2013-07-01 00:00:00' + to_seconds(floor(b * 2678400)::BIGINT) AS event_time,
  (TIMESTAMP '2013-07-01 00:00:00' + to_seconds(floor(b * 2678400)::BIGINT))::DATE AS event_date,
  counter AS counter_id,
  (hash(visitor, 11) % 4294967295)::BIGINT - 2147483648 AS client_ip,
  CASE WHEN c < 0.4 THEN 229 ELSE 1 + floor(pow(f, 3) * 5000)::INTEGER END AS region_id,
  (hash(visitor, 12) % 9223372036854775807)::BIGINT AS user_id,
  (counter % 3 - 1)::SMALLINT AS counter_class,
  (hash(visitor, 13) % 44)::SMALLINT AS os,
  (hash(visitor, 14) % 82)::SMALLINT AS user_agent,
  concat('http://', CASE page % 5 WHEN 0 THEN 'example.shop' WHEN 1 THEN 'www.example.org' WHEN 2 THEN 'm.example.net'
         WHEN 3 THEN 'search.google.example' ELSE 'auto.example.com' END,
         '/catalogue/', page, '/item', floor(pow(f, 4) * 30)::INTEGER, '.html?utm_source=', phrase % 13,
         CASE WHEN b < 0.05 THEN repeat('&filter[]=color', 12) ELSE '' END) AS url,
  CASE WHEN d > 0.62 THEN '' ELSE concat(CASE WHEN a < 0.9 THEN 'https://' ELSE 'http://www.' END,
       CASE phrase % 4 WHEN 0 THEN 'google.example' WHEN 1 THEN 'portal.example' WHEN 2 THEN 'mail.example' ELSE 'images.example' END,
       '/q/', phrase, '?from=', page % 100) END AS referer,
  (f < 0.12)::SMALLINT AS is_refresh,
  (phrase % 17)::SMALLINT AS referer_category_id,
  (phrase * 7 % 5000)::INTEGER AS referer_region_id,
  (page % 23)::SMALLINT AS url_category_id,
  (page * 11 % 5000)::INTEGER AS url_region_id,
  ([0, 1024, 1280, 1366, 1366, 1440, 1600, 1638, 1920, 1920, 2560])[1 + (hash(visitor, 15) % 11)::INTEGER]::SMALLINT AS resolution_width,
  ([0, 768, 800, 768, 768, 900, 900, 1024, 1080, 1200, 1440])[1 + (hash(visitor, 15) % 11)::INTEGER]::SMALLINT AS resolution_height,
  (8 * (1 + hash(visitor, 16) % 4))::SMALLINT AS resolution_depth,
  (hash(visitor, 17) % 16)::SMALLINT AS flash_major,
  (hash(visitor, 18) % 8)::SMALLINT AS flash_minor,
  concat(hash(visitor, 18) % 8, '.', hash(visitor, 19) % 100) AS flash_minor_text,
  (e < 0.95)::SMALLINT AS cookie_enabled,
  (e < 0.97)::SMALLINT AS javascript_enabled,
  (hash(visitor, 20) % 10 = 0)::SMALLINT AS is_mobile,
  CASE WHEN hash(visitor, 20) % 10 = 0 THEN (1 + hash(visitor, 21) % 12)::SMALLINT ELSE 0 END AS mobile_phone,
  CASE WHEN hash(visitor, 20) % 10 = 0 THEN (['iPad', 'iPhone 2', 'N8-00', 'GT-I9500', 'Xperia', 'Lumia 920', '', 'A1-810'])[1 + (hash(visitor, 21) % 8)::INTEGER] ELSE '' END AS mobile_phone_model,
  concat('param=', page % 50, ';ref=', phrase % 9) AS params,
  (hash(visitor, 22) % 400)::INTEGER AS ip_network_id,
  CASE WHEN c < 0.85 THEN 0 ELSE floor(pow(d, 2) * 11)::SMALLINT - 1 END AS traffic_source_id,
  CASE WHEN d < 0.87 THEN 0 ELSE 1 + floor(pow(f, 3) * 90)::SMALLINT END AS search_engine_id,
  CASE WHEN d < 0.87 THEN '' ELSE concat((['weather ', 'buy ', 'how to ', 'photo ', 'Google '])[1 + (phrase % 5)::INTEGER], 'thing ', phrase) END AS search_phrase,
  CASE WHEN f < 0.99 THEN 0 ELSE 1 + (page % 18)::SMALLINT END AS adv_engine_id,
  (a > 0.98)::SMALLINT AS is_artificial,
  CASE WHEN hash(visitor, 15) % 11 = 0 THEN 0 ELSE 300 + (hash(visitor, 23) % 1600)::SMALLINT END AS window_client_width,
  CASE WHEN hash(visitor, 15) % 11 = 0 THEN 0 ELSE 200 + (hash(visitor, 24) % 900)::SMALLINT END AS window_client_height,
  ((hash(visitor, 25) % 27)::INTEGER - 12)::SMALLINT AS client_time_zone,
  TIMESTAMP '2013-07-01 00:00:00' + to_seconds(floor(b * 2678400)::BIGINT + (hash(visitor, 25) % 27)::BIGINT * 3600 - 43200) AS client_event_time,
  (phrase % 4)::SMALLINT AS silverlight_version,
  CASE WHEN f < 0.7 THEN '' ELSE 'windows-1251' END AS page_charset,
  (counter * 31 % 1000)::INTEGER AS code_version,
  (page % 2 = 0 AND e > 0.9)::SMALLINT AS is_link,
  (page % 3 = 0 AND f > 0.97)::SMALLINT AS is_download,
  (a > 0.97)::SMALLINT AS dont_count_hits,
  (f > 0.9)::SMALLINT AS is_not_bounce,
  (1950 + hash(visitor, 26) % 60)::SMALLINT AS birth_year,
  (hash(visitor, 26) % 3)::SMALLINT AS sex,
  CASE WHEN hash(visitor, 27) % 4 = 0 THEN NULL ELSE (hash(visitor, 27) % 90)::SMALLINT END AS age,
  (hash(visitor, 28) % 5)::SMALLINT AS income,
  floor(pow(a, 8) * 30000)::INTEGER AS send_timing,
  floor(pow(b, 6) * 5000)::INTEGER AS dns_timing,
  floor(pow(c, 6) * 9000)::INTEGER AS connect_timing,
  CASE WHEN e < 0.02 THEN NULL ELSE floor(pow(e, 4) * 60000)::INTEGER END AS response_timing,
  CASE WHEN f < 0.96 THEN NULL ELSE (page % 100 * 1.25)::DECIMAL(12, 2) END AS goal_price,
  (['', '', 'RUB', 'USD', 'EUR'])[1 + (counter % 5)]::VARCHAR AS goal_currency,
  (hash(phrase, page % 100, 29) % 9223372036854775807)::BIGINT AS referer_hash,
  (hash(page, 30) % 9223372036854775807)::BIGINT AS url_hash,
  (counter % 7)::INTEGER AS cluster_id
FROM visit`;
