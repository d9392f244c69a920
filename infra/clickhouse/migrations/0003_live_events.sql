-- One row per event; of several copies the first published stays.

CREATE TABLE IF NOT EXISTS live_events_store
(
    event_key String COMMENT 'Identity for duplicates, 32 hex digits: Caliper event id, or a hash for the Canvas format.',
    event_name LowCardinality(String) COMMENT 'Event name; an open set.',
    event_time DateTime64(6, 'UTC') COMMENT 'When it happened.',
    `format` LowCardinality(String) COMMENT 'canvas or caliper.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits.',
    request_id Nullable(String) COMMENT 'Request that caused it; the id of its web_logs row.',
    job_id Nullable(String) COMMENT 'Background job that caused it.',
    job_tag LowCardinality(Nullable(String)) COMMENT 'Kind of the background job.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights were used, local id for the home shard.',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    user_login Nullable(String) COMMENT 'Personal data. Login.',
    user_sis_id Nullable(String) COMMENT 'Personal data. SIS id.',
    user_account_id Nullable(Int64) COMMENT 'Account of the user.',
    root_account_id Nullable(Int64) COMMENT 'Root account, global id.',
    root_account_uuid LowCardinality(Nullable(String)) COMMENT 'Root account\'s UUID.',
    hostname LowCardinality(Nullable(String)) COMMENT 'Host that was asked.',
    client_ip Nullable(String) COMMENT 'Personal data. Client address.',
    http_method LowCardinality(Nullable(String)) COMMENT 'HTTP method.',
    url Nullable(String) COMMENT 'Personal data. URL, secrets removed.' CODEC(ZSTD(1)),
    referrer Nullable(String) COMMENT 'Personal data. Referring URL, secrets removed.' CODEC(ZSTD(1)),
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank.',
    context_type LowCardinality(Nullable(String)) COMMENT 'Kind of the context.',
    context_id Nullable(Int64) COMMENT 'Id of the context.',
    context_account_id Nullable(Int64) COMMENT 'Account of the context.',
    context_role LowCardinality(Nullable(String)) COMMENT 'Role in the context; custom names occur.',
    course_id Nullable(Int64) COMMENT 'Course, where the context is one.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    body String COMMENT 'Personal data. Body of the event as a JSON object; for Caliper the event itself. Secrets removed.' CODEC(ZSTD(1)),
    sent_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the sender sent it (Caliper sendTime).',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    source LowCardinality(String) COMMENT 'Where the agent read the row: file name, job or queue, without secrets.',
    extra Nullable(String) COMMENT 'Columns unknown to this version, as a JSON object.' CODEC(ZSTD(1)),
    truncated Bool COMMENT 'True if long text was cut to fit the topic\'s record limit.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.',
    _version UInt128 MATERIALIZED
        bitNot(bitShiftLeft(toUInt128(toUnixTimestamp64Micro(ingested_at)), 64) + toUInt128(_offset))
        COMMENT 'Decides between copies: the first publication wins.',
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_request request_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(toStartOfHour(event_time))
ORDER BY (toStartOfHour(event_time), event_key)
TTL toStartOfHour(event_time) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view live_events.';

CREATE OR REPLACE VIEW live_events
(
    event_key String COMMENT 'Identity for duplicates, 32 hex digits: Caliper event id, or a hash for the Canvas format.',
    event_name LowCardinality(String) COMMENT 'Event name; an open set.',
    event_time DateTime64(6, 'UTC') COMMENT 'When it happened.',
    `format` LowCardinality(String) COMMENT 'canvas or caliper.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits.',
    request_id Nullable(String) COMMENT 'Request that caused it; the id of its web_logs row.',
    job_id Nullable(String) COMMENT 'Background job that caused it.',
    job_tag LowCardinality(Nullable(String)) COMMENT 'Kind of the background job.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights were used, local id for the home shard.',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    user_login Nullable(String) COMMENT 'Personal data. Login.',
    user_sis_id Nullable(String) COMMENT 'Personal data. SIS id.',
    user_account_id Nullable(Int64) COMMENT 'Account of the user.',
    root_account_id Nullable(Int64) COMMENT 'Root account, global id.',
    root_account_uuid LowCardinality(Nullable(String)) COMMENT 'Root account\'s UUID.',
    hostname LowCardinality(Nullable(String)) COMMENT 'Host that was asked.',
    client_ip Nullable(String) COMMENT 'Personal data. Client address.',
    http_method LowCardinality(Nullable(String)) COMMENT 'HTTP method.',
    url Nullable(String) COMMENT 'Personal data. URL, secrets removed.',
    referrer Nullable(String) COMMENT 'Personal data. Referring URL, secrets removed.',
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank.',
    context_type LowCardinality(Nullable(String)) COMMENT 'Kind of the context.',
    context_id Nullable(Int64) COMMENT 'Id of the context.',
    context_account_id Nullable(Int64) COMMENT 'Account of the context.',
    context_role LowCardinality(Nullable(String)) COMMENT 'Role in the context; custom names occur.',
    course_id Nullable(Int64) COMMENT 'Course, where the context is one.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    body String COMMENT 'Personal data. Body of the event as a JSON object; for Caliper the event itself. Secrets removed.',
    sent_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the sender sent it (Caliper sendTime).',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    source LowCardinality(String) COMMENT 'Where the agent read the row: file name, job or queue, without secrets.',
    extra Nullable(String) COMMENT 'Columns unknown to this version, as a JSON object.',
    truncated Bool COMMENT 'True if long text was cut to fit the topic\'s record limit.'
)
AS SELECT
    event_key,
    event_name,
    event_time,
    `format`,
    session_id,
    request_id,
    job_id,
    job_tag,
    user_id,
    real_user_id,
    user_login,
    user_sis_id,
    user_account_id,
    root_account_id,
    root_account_uuid,
    hostname,
    client_ip,
    http_method,
    url,
    referrer,
    user_agent,
    context_type,
    context_id,
    context_account_id,
    context_role,
    course_id,
    developer_key_id,
    body,
    sent_at,
    ingested_at,
    source,
    extra,
    truncated
FROM live_events_store FINAL
WHERE ifNull(request_id, '') NOT IN (SELECT request_id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
  AND ifNull(real_user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'One Canvas Live Event, from the Canvas format or Caliper 1.1, in one shape.';
