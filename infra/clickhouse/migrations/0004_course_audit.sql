-- One row per audit event; of several copies the first published stays.

CREATE TABLE IF NOT EXISTS course_audit_store
(
    id UUID COMMENT 'Identity of the event.',
    created_at DateTime64(6, 'UTC') COMMENT 'When it happened, to the second: event time.',
    event_type LowCardinality(String) COMMENT 'created, updated, concluded, deleted, …; an open set.',
    event_source LowCardinality(Nullable(String)) COMMENT 'manual, sis, api; an open set.',
    event_data String COMMENT 'Personal data. Changed fields as a JSON object of [old, new].' CODEC(ZSTD(1)),
    course_id Int64 COMMENT 'Course.',
    related_course_id Nullable(Int64) COMMENT 'Other course of a copy or reset.',
    related_course_link LowCardinality(Nullable(String)) COMMENT 'copied_from, copied_to, reset_from or reset_to.',
    user_id Nullable(Int64) COMMENT 'Personal data. Who did it; null for the system.',
    sis_batch_id Nullable(Int64) COMMENT 'SIS batch that did it.',
    page_view_id Nullable(String) COMMENT 'Request that did it; the id of its web_logs row.',
    session_id Nullable(String) COMMENT 'Personal data. Session of that request, if known.',
    account_id Nullable(Int64) COMMENT 'Account it was polled from.',
    root_account_id Nullable(Int64) COMMENT 'Root account.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    source LowCardinality(String) COMMENT 'Where the agent read the row: file name, job or queue, without secrets.',
    extra Nullable(String) COMMENT 'Columns unknown to this version, as a JSON object.',
    truncated Bool COMMENT 'True if long text was cut to fit the topic\'s record limit.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.',
    _version UInt128 MATERIALIZED
        bitNot(bitShiftLeft(toUInt128(toUnixTimestamp64Micro(ingested_at)), 64) + toUInt128(_offset))
        COMMENT 'Decides between copies: the first publication wins.'
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(toStartOfHour(created_at))
ORDER BY (toStartOfHour(created_at), id)
TTL toStartOfHour(created_at) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view course_audit.';

CREATE OR REPLACE VIEW course_audit
(
    id UUID COMMENT 'Identity of the event.',
    created_at DateTime64(6, 'UTC') COMMENT 'When it happened, to the second: event time.',
    event_type LowCardinality(String) COMMENT 'created, updated, concluded, deleted, …; an open set.',
    event_source LowCardinality(Nullable(String)) COMMENT 'manual, sis, api; an open set.',
    event_data String COMMENT 'Personal data. Changed fields as a JSON object of [old, new].',
    course_id Int64 COMMENT 'Course.',
    related_course_id Nullable(Int64) COMMENT 'Other course of a copy or reset.',
    related_course_link LowCardinality(Nullable(String)) COMMENT 'copied_from, copied_to, reset_from or reset_to.',
    user_id Nullable(Int64) COMMENT 'Personal data. Who did it; null for the system.',
    sis_batch_id Nullable(Int64) COMMENT 'SIS batch that did it.',
    page_view_id Nullable(String) COMMENT 'Request that did it; the id of its web_logs row.',
    session_id Nullable(String) COMMENT 'Personal data. Session of that request, if known.',
    account_id Nullable(Int64) COMMENT 'Account it was polled from.',
    root_account_id Nullable(Int64) COMMENT 'Root account.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    source LowCardinality(String) COMMENT 'Where the agent read the row: file name, job or queue, without secrets.',
    extra Nullable(String) COMMENT 'Columns unknown to this version, as a JSON object.',
    truncated Bool COMMENT 'True if long text was cut to fit the topic\'s record limit.'
)
AS SELECT
    id,
    created_at,
    event_type,
    event_source,
    event_data,
    course_id,
    related_course_id,
    related_course_link,
    user_id,
    sis_batch_id,
    page_view_id,
    session_id,
    account_id,
    root_account_id,
    ingested_at,
    source,
    extra,
    truncated
FROM course_audit_store FINAL
WHERE ifNull(page_view_id, '') NOT IN (SELECT request_id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'One event of the Canvas Course Audit log.';
