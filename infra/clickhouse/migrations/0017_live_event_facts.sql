-- What a recomputation reads of Live Events, with what detection needs of them: the role, the job
-- and the body.
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
    root_account_id Nullable(Int64) COMMENT 'Root account.',
    context_role LowCardinality(Nullable(String)) COMMENT 'Role in the context.',
    job_tag LowCardinality(Nullable(String)) COMMENT 'Kind of the background job.',
    body String COMMENT 'Personal data. Body of the event as a JSON object; for Caliper the event itself. Secrets removed.',
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
    root_account_id,
    context_role,
    job_tag,
    body,
    ingested_at,
    _partition,
    _offset
FROM live_events_store FINAL
WHERE ifNull(request_id, '') NOT IN (SELECT request_id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
  AND ifNull(real_user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'The first copy of every Live Event, with its place in Kafka.';
