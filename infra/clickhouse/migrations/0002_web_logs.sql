-- One row per request; a correction replaces its row.

CREATE TABLE IF NOT EXISTS web_logs_store
(
    id UUID COMMENT 'Request id; the same as Live Events metadata.request_id.',
    `timestamp` DateTime64(6, 'UTC') COMMENT 'When the request was served: event time.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights the request had (the target while masquerading).',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    course_id Nullable(Int64) COMMENT 'Course.',
    quiz_id Nullable(Int64) COMMENT 'Quiz.',
    discussion_id Nullable(Int64) COMMENT 'Discussion.',
    conversation_id Nullable(Int64) COMMENT 'Conversation.',
    assignment_id Nullable(Int64) COMMENT 'Assignment.',
    url String COMMENT 'Personal data. Path and query, secrets removed.' CODEC(ZSTD(1)),
    http_method LowCardinality(String) COMMENT 'HTTP method; an open set.',
    http_status Int32 COMMENT 'HTTP status; any integer.',
    http_version LowCardinality(String) COMMENT 'HTTP version.',
    remote_ip String COMMENT 'Personal data. Client address, IPv4 or IPv6 text.',
    interaction_micros Int32 COMMENT 'Duration in microseconds; may be negative in the source.',
    web_application_controller LowCardinality(Nullable(String)) COMMENT 'Rails controller; an open set; null if unspecified.',
    web_application_action LowCardinality(Nullable(String)) COMMENT 'Rails action; an open set; null if unspecified.',
    web_application_context_type LowCardinality(Nullable(String)) COMMENT 'Kind of the context; an open set.',
    web_application_context_id Nullable(Int64) COMMENT 'Id of the context.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits; null if there is none.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    participated Bool COMMENT 'True if the user acted (submitted, posted).',
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank or a sentinel.',
    committed_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Commit time of the row in the Data Access Platform (meta.ts); never event time.',
    root_account_id Nullable(Int64) COMMENT 'Root account, from the agent\'s settings.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    source LowCardinality(String) COMMENT 'Where the agent read the row: file name, job or queue, without secrets.',
    extra Nullable(String) COMMENT 'Columns unknown to this version, as a JSON object.' CODEC(ZSTD(1)),
    truncated Bool COMMENT 'True if long text was cut to fit the topic\'s record limit.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.',
    _version UInt128 MATERIALIZED
        bitShiftLeft(toUInt128(toUnixTimestamp64Micro(ifNull(committed_at, toDateTime64(0, 6, 'UTC')))), 76)
        + bitShiftLeft(toUInt128(toUnixTimestamp64Micro(ingested_at)), 24)
        + toUInt128(_offset % 16777216)
        COMMENT 'Decides between copies: the last commit wins, then the last publication, then the last offset.',
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(toStartOfHour(`timestamp`))
ORDER BY (toStartOfHour(`timestamp`), id)
TTL toStartOfHour(`timestamp`) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Everything received, copies included; read the view web_logs.';

CREATE OR REPLACE VIEW web_logs
(
    id UUID COMMENT 'Request id; the same as Live Events metadata.request_id.',
    `timestamp` DateTime64(6, 'UTC') COMMENT 'When the request was served: event time.',
    user_id Nullable(Int64) COMMENT 'Personal data. User whose rights the request had (the target while masquerading).',
    real_user_id Nullable(Int64) COMMENT 'Personal data. User who acted, if masquerading.',
    course_id Nullable(Int64) COMMENT 'Course.',
    quiz_id Nullable(Int64) COMMENT 'Quiz.',
    discussion_id Nullable(Int64) COMMENT 'Discussion.',
    conversation_id Nullable(Int64) COMMENT 'Conversation.',
    assignment_id Nullable(Int64) COMMENT 'Assignment.',
    url String COMMENT 'Personal data. Path and query, secrets removed.',
    http_method LowCardinality(String) COMMENT 'HTTP method; an open set.',
    http_status Int32 COMMENT 'HTTP status; any integer.',
    http_version LowCardinality(String) COMMENT 'HTTP version.',
    remote_ip String COMMENT 'Personal data. Client address, IPv4 or IPv6 text.',
    interaction_micros Int32 COMMENT 'Duration in microseconds; may be negative in the source.',
    web_application_controller LowCardinality(Nullable(String)) COMMENT 'Rails controller; an open set; null if unspecified.',
    web_application_action LowCardinality(Nullable(String)) COMMENT 'Rails action; an open set; null if unspecified.',
    web_application_context_type LowCardinality(Nullable(String)) COMMENT 'Kind of the context; an open set.',
    web_application_context_id Nullable(Int64) COMMENT 'Id of the context.',
    session_id Nullable(String) COMMENT 'Personal data. Session, 32 lower-case hex digits; null if there is none.',
    developer_key_id Nullable(Int64) COMMENT 'Developer key of an access token.',
    participated Bool COMMENT 'True if the user acted (submitted, posted).',
    user_agent LowCardinality(Nullable(String)) COMMENT 'Personal data. User agent; null if blank or a sentinel.',
    committed_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Commit time of the row in the Data Access Platform (meta.ts); never event time.',
    root_account_id Nullable(Int64) COMMENT 'Root account, from the agent\'s settings.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    source LowCardinality(String) COMMENT 'Where the agent read the row: file name, job or queue, without secrets.',
    extra Nullable(String) COMMENT 'Columns unknown to this version, as a JSON object.',
    truncated Bool COMMENT 'True if long text was cut to fit the topic\'s record limit.'
)
AS SELECT
    id,
    `timestamp`,
    user_id,
    real_user_id,
    course_id,
    quiz_id,
    discussion_id,
    conversation_id,
    assignment_id,
    url,
    http_method,
    http_status,
    http_version,
    remote_ip,
    interaction_micros,
    web_application_controller,
    web_application_action,
    web_application_context_type,
    web_application_context_id,
    session_id,
    developer_key_id,
    participated,
    user_agent,
    committed_at,
    root_account_id,
    ingested_at,
    source,
    extra,
    truncated
FROM web_logs_store FINAL
WHERE id NOT IN (SELECT id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
  AND ifNull(real_user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'One HTTP request handled by Canvas: a row of the DAP table canvas_logs.web_logs. Ids are in local form.';
