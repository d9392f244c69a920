-- What agents read and published, hour by hour, and what of it is here.

CREATE TABLE IF NOT EXISTS completeness_store
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    start DateTime64(6, 'UTC') COMMENT 'Start of the hour of event time, UTC; for deletes and dead letters, which may have none, of when they were read.',
    published Int64 COMMENT 'Rows published, repetitions included.',
    deletes Int64 COMMENT 'Deletes published as erasures.',
    dead Int64 COMMENT 'Records that became dead letters.',
    lag_sum Int64 COMMENT 'Sum over the rows of the time from event to publishing, microseconds.',
    lag_max Int64 COMMENT 'Longest of these times, microseconds; 0 without rows.',
    first_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Smallest event time of the rows.',
    last_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Largest event time of the rows.',
    recorded_at DateTime64(6, 'UTC') COMMENT 'When the agent published them.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (feed, start, recorded_at, _partition, _offset)
TTL recorded_at + toIntervalDay(1100)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view completeness.';

CREATE OR REPLACE VIEW completeness
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    start DateTime64(6, 'UTC') COMMENT 'Start of the hour of event time, UTC; for deletes and dead letters, which may have none, of when they were read.',
    published Int64 COMMENT 'Rows published, repetitions included.',
    deletes Int64 COMMENT 'Deletes published as erasures.',
    dead Int64 COMMENT 'Records that became dead letters.',
    lag_sum Int64 COMMENT 'Sum over the rows of the time from event to publishing, microseconds.',
    lag_max Int64 COMMENT 'Longest of these times, microseconds; 0 without rows.',
    first_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Smallest event time of the rows.',
    last_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Largest event time of the rows.',
    recorded_at DateTime64(6, 'UTC') COMMENT 'When the agent published them.'
)
AS SELECT
    feed,
    start,
    published,
    deletes,
    dead,
    lag_sum,
    lag_max,
    first_at,
    last_at,
    recorded_at
FROM completeness_store FINAL
COMMENT 'What one transaction of an agent added to an hour of a feed; the records of an hour add up.';

CREATE OR REPLACE VIEW completeness_by_hour
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    hour DateTime('UTC') COMMENT 'Hour of event time, UTC.',
    `read` Int64 COMMENT 'Records read: published + deletes + dead.',
    published Int64 COMMENT 'Rows published, repetitions included.',
    deletes Int64 COMMENT 'Deletes, by the hour in which they were read.',
    dead Int64 COMMENT 'Dead letters, by the hour in which they were read.',
    kept UInt64 COMMENT 'Different rows in ClickHouse; erased and expired ones are missing.',
    duplicates Int64 COMMENT 'Rows published again (copies and corrections): published less kept; meaningless where rows were erased or have expired.',
    late UInt64 COMMENT 'Rows that came too late for sessions and minutes.',
    lag_mean_s Nullable(Float64) COMMENT 'Mean time from event to publishing, in seconds; null without rows.',
    lag_max_s Float64 COMMENT 'Longest such time, in seconds.',
    gap_s Float64 COMMENT 'Longest time without a row known from the records: from the last row of an earlier hour to the first of this one, in seconds.',
    is_gap Bool COMMENT 'True for an hour without rows between hours that have some.'
)
AS WITH
    hours AS
    (
        SELECT
            feed,
            toStartOfHour(start) AS hour,
            sum(published) AS published,
            sum(deletes) AS deletes,
            sum(dead) AS dead,
            sum(lag_sum) AS lag_sum,
            max(lag_max) AS lag_max,
            min(first_at) AS first_at,
            max(last_at) AS last_at
        FROM completeness
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
    hours.published + hours.deletes + hours.dead AS `read`,
    hours.published AS published,
    hours.deletes AS deletes,
    hours.dead AS dead,
    here.kept AS kept,
    hours.published - toInt64(here.kept) AS duplicates,
    too_late.late AS late,
    if(hours.published = 0, NULL, hours.lag_sum / hours.published / 1e6) AS lag_mean_s,
    hours.lag_max / 1e6 AS lag_max_s,
    ifNull(greatest(0, (toUnixTimestamp64Micro(hours.first_at) - max(toUnixTimestamp64Micro(hours.last_at)) OVER (
        PARTITION BY every.feed ORDER BY every.hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )) / 1e6), 0) AS gap_s,
    hours.published = 0 AND every.hour > spans.first_hour AND every.hour < spans.last_hour AS is_gap
FROM every
LEFT JOIN hours ON every.feed = hours.feed AND every.hour = hours.hour
LEFT JOIN here ON every.feed = here.feed AND every.hour = here.hour
LEFT JOIN too_late ON every.feed = too_late.feed AND every.hour = too_late.hour
LEFT JOIN spans ON every.feed = spans.feed
COMMENT 'Per feed and hour: what was read, published, dead, doubled and late, how late it came, and hours without rows.';
