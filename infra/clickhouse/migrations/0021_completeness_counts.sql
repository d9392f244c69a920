-- Every record that was read, what came more than once, and the minutes that have rows.

ALTER TABLE completeness_store ADD COLUMN IF NOT EXISTS `read` Int64 COMMENT 'Records an agent took from its source: published + deletes + dead + repeated; 0 in records of versions that did not count it.';

ALTER TABLE completeness_store ADD COLUMN IF NOT EXISTS repeated Int64 COMMENT 'Records an agent dropped because its source gave them more than once.';

ALTER TABLE completeness_store ADD COLUMN IF NOT EXISTS duplicates Int64 COMMENT 'Published rows that sessionize dropped because a row of the same event key came before.';

ALTER TABLE completeness_store ADD COLUMN IF NOT EXISTS `minutes` Int64 COMMENT 'Minutes of the hour that have a published row, one bit each: 1 the first, 2^59 the last. Those of an hour are joined by OR.';

ALTER TABLE completeness_store COMMENT COLUMN recorded_at 'When the agent published them; for duplicates, when the rows were published that sessionize dropped.';

CREATE OR REPLACE VIEW completeness
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    start DateTime64(6, 'UTC') COMMENT 'Start of the hour of event time, UTC; for deletes and dead letters, which may have none, of when they were read.',
    `read` Int64 COMMENT 'Records an agent took from its source: published + deletes + dead + repeated; 0 in records of versions that did not count it.',
    published Int64 COMMENT 'Rows published, repetitions included.',
    deletes Int64 COMMENT 'Deletes published as erasures.',
    dead Int64 COMMENT 'Records that became dead letters.',
    repeated Int64 COMMENT 'Records an agent dropped because its source gave them more than once.',
    duplicates Int64 COMMENT 'Published rows that sessionize dropped because a row of the same event key came before.',
    lag_sum Int64 COMMENT 'Sum over the rows of the time from event to publishing, microseconds.',
    lag_max Int64 COMMENT 'Longest of these times, microseconds; 0 without rows.',
    `minutes` Int64 COMMENT 'Minutes of the hour that have a published row, one bit each: 1 the first, 2^59 the last. Those of an hour are joined by OR.',
    first_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Smallest event time of the rows.',
    last_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Largest event time of the rows.',
    recorded_at DateTime64(6, 'UTC') COMMENT 'When the agent published them; for duplicates, when the rows were published that sessionize dropped.'
)
AS SELECT
    feed,
    start,
    `read`,
    published,
    deletes,
    dead,
    repeated,
    duplicates,
    lag_sum,
    lag_max,
    `minutes`,
    first_at,
    last_at,
    recorded_at
FROM completeness_store FINAL
COMMENT 'What one transaction of an agent, or one commit of sessionize, added to an hour of a feed; the records of an hour add up.';

-- Records of before these columns count neither what was read nor minutes: read is at least what
-- came of it, and minutes are not known in an hour that has such records.
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
    gap_minutes Nullable(UInt8) COMMENT 'Minutes of the hour without a row; null until a row of a later hour is here, before the first row of the feed, and for hours that were published before minutes were counted.',
    gap_s Float64 COMMENT 'Longest time without a row known from the records: from the last row of an earlier hour to the first of this one, in seconds.',
    is_gap Bool COMMENT 'True for an hour without rows between hours that have some.'
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
        SELECT feed, min(hour) AS first_hour, max(hour) AS last_hour
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
            arrayJoin(arrayMap(h -> toDateTime(h, 'UTC'), range(toUInt32(first_hour), toUInt32(last_hour) + 1, 3600))) AS hour
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
    if(every.hour >= spans.first_hour AND every.hour < spans.last_hour AND hours.uncounted = 0,
       toUInt8(60 - bitCount(hours.minutes_with_rows)), NULL) AS gap_minutes,
    ifNull(greatest(0, (toUnixTimestamp64Micro(hours.first_at) - max(toUnixTimestamp64Micro(hours.last_at)) OVER (
        PARTITION BY every.feed ORDER BY every.hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )) / 1e6), 0) AS gap_s,
    hours.published = 0 AND every.hour > spans.first_hour AND every.hour < spans.last_hour AS is_gap
FROM every
LEFT JOIN hours ON every.feed = hours.feed AND every.hour = hours.hour
LEFT JOIN here ON every.feed = here.feed AND every.hour = here.hour
LEFT JOIN too_late ON every.feed = too_late.feed AND every.hour = too_late.hour
LEFT JOIN spans ON every.feed = spans.feed
COMMENT 'Per feed and hour: what was read, published, dead, repeated, doubled and late, how late it came, and minutes and hours without rows.';
