-- Gaps of a feed that stopped: the hours after its last row, as soon as they are due.
--
-- Feeds are late by seconds (Live Events) or hours (web_logs), so an hour without rows is a gap only
-- when rows of it should have come: when since its end twice the time has passed that rows of the
-- feed usually take. That is the mean of an hour, of nine hours in ten at most, over the last week
-- with rows. Twice, because a window of DAP may come one window late. After a week without a row a
-- feed has ended: its hours are not listed for ever, unless it speaks again.

CREATE OR REPLACE VIEW completeness_by_hour
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    hour DateTime('UTC') COMMENT 'Hour of event time, UTC.',
    `read` Int64 COMMENT 'Records that agents took from their sources: published + deletes + dead + repeated.',
    published Int64 COMMENT 'Rows published, repetitions included.',
    deletes Int64 COMMENT 'Deletes, by the hour in which they were read.',
    dead Int64 COMMENT 'Dead letters, by the hour in which they were read.',
    repeated Int64 COMMENT 'Records that agents dropped because their source gave them more than once.',
    duplicates Int64 COMMENT 'Published rows that sessionize dropped because a row of the same event key came before: copies, and corrections; those that came too late are in late. 0 for a feed that sessionize does not read.',
    kept UInt64 COMMENT 'Different rows in ClickHouse; erased and expired ones are missing.',
    late UInt64 COMMENT 'Rows that came too late for sessions and minutes.',
    lag_mean_s Nullable(Float64) COMMENT 'Mean time from event to publishing, in seconds; null without rows.',
    lag_max_s Float64 COMMENT 'Longest such time, in seconds.',
    gap_minutes Nullable(UInt8) COMMENT 'Minutes of the hour without a row; null until a row of a later hour is here or the hour is due, before the first row of the feed, and for hours that were published before minutes were counted. Due: since its end twice the time has passed that rows of the feed take.',
    gap_s Float64 COMMENT 'Longest time without a row known from the records: from the last row of an earlier hour to the first of this one, in seconds.',
    is_gap Bool COMMENT 'True for an hour without rows between hours that have some, and for each that is due after the last of them, for a week.'
)
AS WITH
    hours AS
    (
        SELECT
            c.feed AS feed,
            toStartOfHour(c.start) AS hour,
            sum(greatest(c.`read`, c.published + c.deletes + c.dead)) AS `read`,
            sum(c.published) AS published,
            sum(c.deletes) AS deletes,
            sum(c.dead) AS dead,
            sum(c.repeated) AS repeated,
            sum(c.duplicates) AS duplicates,
            sum(c.lag_sum) AS lag_sum,
            max(c.lag_max) AS lag_max,
            groupBitOr(toUInt64(c.`minutes`)) AS minutes_with_rows,
            countIf(c.published > 0 AND c.`minutes` = 0) AS uncounted,
            min(c.first_at) AS first_at,
            max(c.last_at) AS last_at
        FROM completeness AS c
        GROUP BY feed, hour
    ),
    spans AS
    (
        SELECT
            feed,
            toInt64(min(hour)) AS first_hour,
            toInt64(max(hour)) AS last_hour,
            arrayReduce('quantileExact(0.9)', arrayMap(
                of_hour -> of_hour.2,
                arrayFilter(of_hour -> of_hour.1 > last_hour - 604800, groupArray((toInt64(hour), lag_sum / published / 1e6)))
            )) AS usual_lag_s,
            least(
                last_hour + 604800,
                intDiv(toInt64(now()) - toInt64(2 * usual_lag_s), 3600) * 3600 - 3600
            ) AS last_due,
            greatest(last_hour - 3600, last_due) AS last_known
        FROM hours
        WHERE published > 0
        GROUP BY feed
    ),
    every AS
    (
        SELECT feed, hour FROM hours
        UNION DISTINCT
        SELECT
            feed,
            arrayJoin(arrayMap(h -> toDateTime(h, 'UTC'), range(first_hour, greatest(last_hour, last_due) + 1, 3600))) AS hour
        FROM spans
    ),
    here AS
    (
        SELECT 'web_logs' AS feed, toStartOfHour(`timestamp`) AS hour, uniqExact(id) AS kept
        FROM web_logs_store GROUP BY hour
        UNION ALL
        SELECT 'live_events' AS feed, toStartOfHour(event_time) AS hour, uniqExact(event_key) AS kept
        FROM live_events_store GROUP BY hour
        UNION ALL
        SELECT 'course_audit' AS feed, toStartOfHour(created_at) AS hour, uniqExact(id) AS kept
        FROM course_audit_store GROUP BY hour
    ),
    too_late AS
    (
        SELECT feed, toStartOfHour(event_time) AS hour, uniqExact(event_key) AS late
        FROM late_rows_store GROUP BY feed, hour
    )
SELECT
    every.feed AS feed,
    every.hour AS hour,
    hours.`read` AS `read`,
    hours.published AS published,
    hours.deletes AS deletes,
    hours.dead AS dead,
    hours.repeated AS repeated,
    hours.duplicates AS duplicates,
    here.kept AS kept,
    too_late.late AS late,
    if(hours.published = 0, NULL, hours.lag_sum / hours.published / 1e6) AS lag_mean_s,
    hours.lag_max / 1e6 AS lag_max_s,
    if(toInt64(every.hour) >= spans.first_hour AND toInt64(every.hour) <= spans.last_known AND hours.uncounted = 0,
       toUInt8(60 - bitCount(hours.minutes_with_rows)), NULL) AS gap_minutes,
    ifNull(greatest(0, (toUnixTimestamp64Micro(hours.first_at) - max(toUnixTimestamp64Micro(hours.last_at)) OVER (
        PARTITION BY every.feed ORDER BY every.hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )) / 1e6), 0) AS gap_s,
    hours.published = 0 AND toInt64(every.hour) > spans.first_hour AND toInt64(every.hour) <= spans.last_known AS is_gap
FROM every
LEFT JOIN hours ON every.feed = hours.feed AND every.hour = hours.hour
LEFT JOIN here ON every.feed = here.feed AND every.hour = here.hour
LEFT JOIN too_late ON every.feed = too_late.feed AND every.hour = too_late.hour
LEFT JOIN spans ON every.feed = spans.feed
COMMENT 'Per feed and hour: what was read, published, dead, repeated, doubled and late, how late it came, and minutes and hours without rows.';
