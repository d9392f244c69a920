-- Rows later than the allowed lateness, as received.

CREATE TABLE IF NOT EXISTS late_rows_store
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    reason LowCardinality(String) COMMENT 'late or time.',
    event_key String COMMENT 'Event key of the row.',
    event_time DateTime64(6, 'UTC') COMMENT 'Event time of the row.',
    watermark Nullable(DateTime64(6, 'UTC')) COMMENT 'Watermark of the task when it came.',
    source_topic LowCardinality(String) COMMENT 'Topic it was read from.',
    source_partition Int32 COMMENT 'Partition.',
    source_offset Int64 COMMENT 'Offset.',
    schema_id Int64 COMMENT 'Schema id of the value.',
    value String COMMENT 'Personal data. The record\'s value, framed as received.' CODEC(ZSTD(1)),
    _version UInt64 MATERIALIZED toUInt64(source_offset) COMMENT 'Decides between copies: the last offset wins.'
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(toStartOfHour(event_time))
ORDER BY (toStartOfHour(event_time), feed, event_key)
TTL toStartOfHour(event_time) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view late_rows.';

CREATE OR REPLACE VIEW late_rows
(
    feed LowCardinality(String) COMMENT 'web_logs, live_events or course_audit.',
    reason LowCardinality(String) COMMENT 'late or time.',
    event_key String COMMENT 'Event key of the row.',
    event_time DateTime64(6, 'UTC') COMMENT 'Event time of the row.',
    watermark Nullable(DateTime64(6, 'UTC')) COMMENT 'Watermark of the task when it came.',
    source_topic LowCardinality(String) COMMENT 'Topic it was read from.',
    source_partition Int32 COMMENT 'Partition.',
    source_offset Int64 COMMENT 'Offset.',
    schema_id Int64 COMMENT 'Schema id of the value.',
    value String COMMENT 'Personal data. The record\'s value, framed as received.'
)
AS SELECT
    feed,
    reason,
    event_key,
    event_time,
    watermark,
    source_topic,
    source_partition,
    source_offset,
    schema_id,
    value
FROM late_rows_store FINAL
WHERE toUUIDOrZero(event_key) NOT IN (SELECT id FROM erased_requests)
COMMENT 'A row later than the allowed lateness, as received. It is in no session and no minute.';
