-- In which session a course was changed: an audit event names a request at most, never a session.

CREATE OR REPLACE VIEW course_audit_sessions
(
    id UUID COMMENT 'Identity of the audit event.',
    created_at DateTime64(6, 'UTC') COMMENT 'When it happened, to the second.',
    event_type LowCardinality(String) COMMENT 'created, updated, concluded, deleted, …; an open set.',
    course_id Int64 COMMENT 'Course.',
    user_id Nullable(Int64) COMMENT 'Personal data. Who did it; null for the system.',
    page_view_id Nullable(String) COMMENT 'Request that did it.',
    session_id Nullable(String) COMMENT 'Personal data. Session of the request: sent along by Canvas, or that of the request in web_logs, or in Live Events.',
    session_start Nullable(DateTime64(6, 'UTC')) COMMENT 'Start of the session around that time; with session_id its identity.'
)
AS WITH
    requests AS
    (
        SELECT request, any(session_id) AS session_id
        FROM
        (
            SELECT toString(id) AS request, assumeNotNull(session_id) AS session_id
            FROM web_logs
            WHERE session_id IS NOT NULL
              AND id IN (SELECT assumeNotNull(toUUIDOrNull(page_view_id)) FROM course_audit
                         WHERE session_id IS NULL AND toUUIDOrNull(page_view_id) IS NOT NULL)
            UNION ALL
            SELECT assumeNotNull(request_id) AS request, assumeNotNull(session_id) AS session_id
            FROM live_events
            WHERE session_id IS NOT NULL
              AND request_id IN (SELECT assumeNotNull(page_view_id) FROM course_audit
                                 WHERE session_id IS NULL AND page_view_id IS NOT NULL)
        )
        GROUP BY request
    ),
    found AS
    (
        SELECT
            a.id AS id,
            a.created_at AS created_at,
            a.event_type AS event_type,
            a.course_id AS course_id,
            a.user_id AS user_id,
            a.page_view_id AS page_view_id,
            ifNull(a.session_id, r.session_id) AS known
        FROM course_audit AS a
        LEFT JOIN requests AS r ON ifNull(a.page_view_id, '') = r.request
    ),
    starts AS
    (
        SELECT f.id AS id, max(s.start) AS start
        FROM found AS f
        INNER JOIN sessions AS s ON f.known = s.session_id
        WHERE s.start < f.created_at + INTERVAL 1 SECOND AND s.`end` >= f.created_at
        GROUP BY f.id
    )
SELECT
    found.id AS id,
    found.created_at AS created_at,
    found.event_type AS event_type,
    found.course_id AS course_id,
    found.user_id AS user_id,
    found.page_view_id AS page_view_id,
    nullIf(found.known, '') AS session_id,
    nullIf(starts.start, toDateTime64(0, 6, 'UTC')) AS session_start
FROM found
LEFT JOIN starts ON found.id = starts.id
COMMENT 'Audit events and the sessions in which they happened, where either is known.';
