-- The first copy of every request, as the stages counted it: a correction replaces the row in
-- web_logs, but for sessions and minutes the first copy counts. What recompute reads; only the
-- columns that an event batch is made from. ClickHouse fills it with every insert into web_logs_store.

CREATE TABLE IF NOT EXISTS web_logs_first_store
(
    id UUID COMMENT 'Request id; the same as Live Events metadata.request_id.',
    `timestamp` DateTime64(6, 'UTC') COMMENT 'When the request was served: event time.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights the request had (the target while masquerading).',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    course_id Nullable(Int64) COMMENT 'Course.',
    url String COMMENT 'Personal data. Path and query, secrets removed.' CODEC(ZSTD(1)),
    http_method LowCardinality(String) COMMENT 'HTTP method; an open set.',
    http_status Int32 COMMENT 'HTTP status; any integer.',
    remote_ip String COMMENT 'Personal data. Client address, IPv4 or IPv6 text.',
    interaction_micros Int32 COMMENT 'Duration in microseconds; may be negative in the source.',
    web_application_controller LowCardinality(Nullable(String)) COMMENT 'Rails controller; an open set; null if unspecified.',
    web_application_action LowCardinality(Nullable(String)) COMMENT 'Rails action; an open set; null if unspecified.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits; null if there is none.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    participated Bool COMMENT 'True if the user acted (submitted, posted).',
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank or a sentinel.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.',
    _version UInt128 MATERIALIZED
        bitNot(bitShiftLeft(toUInt128(toUnixTimestamp64Micro(ingested_at)), 64) + toUInt128(_offset))
        COMMENT 'Decides between copies: the first publication wins.',
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(toStartOfHour(`timestamp`))
ORDER BY (toStartOfHour(`timestamp`), id)
TTL toStartOfHour(`timestamp`) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'First copies of requests; read the view web_logs_first.';

CREATE MATERIALIZED VIEW IF NOT EXISTS web_logs_first_filling TO web_logs_first_store
AS SELECT
    id,
    `timestamp`,
    user_id,
    real_user_id,
    course_id,
    url,
    http_method,
    http_status,
    remote_ip,
    interaction_micros,
    web_application_controller,
    web_application_action,
    session_id,
    developer_key_id,
    participated,
    user_agent,
    ingested_at,
    _partition,
    _offset
FROM web_logs_store;

-- What is there already: of rows that were merged only the last copy is left.
INSERT INTO web_logs_first_store
(
    id,
    `timestamp`,
    user_id,
    real_user_id,
    course_id,
    url,
    http_method,
    http_status,
    remote_ip,
    interaction_micros,
    web_application_controller,
    web_application_action,
    session_id,
    developer_key_id,
    participated,
    user_agent,
    ingested_at,
    _partition,
    _offset
)
SELECT
    id,
    `timestamp`,
    user_id,
    real_user_id,
    course_id,
    url,
    http_method,
    http_status,
    remote_ip,
    interaction_micros,
    web_application_controller,
    web_application_action,
    session_id,
    developer_key_id,
    participated,
    user_agent,
    ingested_at,
    _partition,
    _offset
FROM web_logs_store;

CREATE OR REPLACE VIEW web_logs_first
(
    id UUID COMMENT 'Request id; the same as Live Events metadata.request_id.',
    `timestamp` DateTime64(6, 'UTC') COMMENT 'When the request was served: event time.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights the request had (the target while masquerading).',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    course_id Nullable(Int64) COMMENT 'Course.',
    url String COMMENT 'Personal data. Path and query, secrets removed.',
    http_method LowCardinality(String) COMMENT 'HTTP method; an open set.',
    http_status Int32 COMMENT 'HTTP status; any integer.',
    remote_ip String COMMENT 'Personal data. Client address, IPv4 or IPv6 text.',
    interaction_micros Int32 COMMENT 'Duration in microseconds; may be negative in the source.',
    web_application_controller LowCardinality(Nullable(String)) COMMENT 'Rails controller; an open set; null if unspecified.',
    web_application_action LowCardinality(Nullable(String)) COMMENT 'Rails action; an open set; null if unspecified.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits; null if there is none.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    participated Bool COMMENT 'True if the user acted (submitted, posted).',
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank or a sentinel.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.'
)
AS SELECT
    id,
    `timestamp`,
    user_id,
    real_user_id,
    course_id,
    url,
    http_method,
    http_status,
    remote_ip,
    interaction_micros,
    web_application_controller,
    web_application_action,
    session_id,
    developer_key_id,
    participated,
    user_agent,
    ingested_at,
    _partition,
    _offset
FROM web_logs_first_store FINAL
WHERE id NOT IN (SELECT id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
  AND ifNull(real_user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'The first copy of every request, without corrections.';

-- Live Events are kept first-wins already; the same in the form that recompute reads.
CREATE OR REPLACE VIEW live_events_first
(
    event_key String COMMENT 'Identity for duplicates, 32 hex digits: Caliper event id, or a hash for the Canvas format.',
    event_name LowCardinality(String) COMMENT 'Event name; an open set.',
    event_time DateTime64(6, 'UTC') COMMENT 'When it happened.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits.',
    request_id Nullable(String) COMMENT 'Request that caused it; the id of its web_logs row.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights were used, local id for the home shard.',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    hostname LowCardinality(Nullable(String)) COMMENT 'Host that was asked.',
    client_ip Nullable(String) COMMENT 'Personal data. Client address.',
    http_method LowCardinality(Nullable(String)) COMMENT 'HTTP method.',
    url Nullable(String) COMMENT 'Personal data. URL, secrets removed.',
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank.',
    course_id Nullable(Int64) COMMENT 'Course, where the context is one.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.'
)
AS SELECT
    event_key,
    event_name,
    event_time,
    session_id,
    request_id,
    user_id,
    real_user_id,
    hostname,
    client_ip,
    http_method,
    url,
    user_agent,
    course_id,
    developer_key_id,
    ingested_at,
    _partition,
    _offset
FROM live_events_store FINAL
WHERE ifNull(request_id, '') NOT IN (SELECT request_id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
  AND ifNull(real_user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'The first copy of every Live Event, with its place in Kafka.';
