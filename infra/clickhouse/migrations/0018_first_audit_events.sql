-- What a recomputation reads of the Course Audit log: the columns that signals are made from. No
-- copy of an event replaces another, so the table itself has the first ones.

CREATE OR REPLACE VIEW course_audit_first
(
    id UUID COMMENT 'Identity of the event.',
    created_at DateTime64(6, 'UTC') COMMENT 'When it happened, to the second: event time.',
    event_type LowCardinality(String) COMMENT 'created, updated, concluded, deleted, …; an open set.',
    event_source LowCardinality(Nullable(String)) COMMENT 'manual, sis, api; an open set.',
    event_data String COMMENT 'Personal data. Changed fields as a JSON object of [old, new].',
    course_id Int64 COMMENT 'Course.',
    user_id Nullable(Int64) COMMENT 'Personal data. Who did it; null for the system.',
    real_user_id Nullable(Int64) COMMENT 'As in the other feeds; the log does not say who acted as that user.',
    sis_batch_id Nullable(Int64) COMMENT 'SIS batch that did it.',
    page_view_id Nullable(String) COMMENT 'Request that did it; the id of its web_logs row.',
    session_id Nullable(String) COMMENT 'Personal data. Session of that request, if known.',
    ingested_at DateTime64(6, 'UTC') COMMENT 'When the agent published the row.',
    _partition UInt32 COMMENT 'Kafka partition the row was read from.',
    _offset UInt64 COMMENT 'Kafka offset the row was read at.'
)
AS SELECT
    id,
    created_at,
    event_type,
    event_source,
    event_data,
    course_id,
    user_id,
    CAST(NULL, 'Nullable(Int64)') AS real_user_id,
    sis_batch_id,
    page_view_id,
    session_id,
    ingested_at,
    _partition,
    _offset
FROM course_audit_store FINAL
WHERE ifNull(page_view_id, '') NOT IN (SELECT request_id FROM erased_requests)
  AND ifNull(user_id, 0) NOT IN (SELECT user_id FROM erased_people)
COMMENT 'The first copy of every audit event, with its place in Kafka.';
