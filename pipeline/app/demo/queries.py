"""Queries a newcomer may try first, with the question each answers."""

from typing import Final, NamedTuple


class Question(NamedTuple):
    """A question and the SQL that answers it; ``title`` is one line."""

    title: str
    sql: str


TOP_SESSIONS: Final = Question(
    "The busiest sessions",
    """SELECT substring(session_id, 1, 8) AS session, actor, start,
       dateDiff('minute', start, end) AS minutes, requests, events, pages, writes,
       errors, courses_distinct AS courses
FROM sessions ORDER BY requests DESC LIMIT 5""",
)

QUESTIONS: Final = (
    Question(
        "When was the university busy, and when did it fail?",
        """SELECT toStartOfInterval(minute, INTERVAL 3 HOUR) AS time, sum(rows) AS requests,
       sum(status_5xx) AS server_errors, round(100 * sum(status_5xx) / sum(rows), 2) AS percent
FROM request_stats WHERE feed = 'web_logs' AND dimension = 'all'
GROUP BY time ORDER BY time""",
    ),
    Question(
        "Which pages are slow?",
        """SELECT web_application_controller AS controller, web_application_action AS action,
       count() AS requests, round(quantile(0.5)(interaction_micros) / 1000) AS p50_ms,
       round(quantile(0.95)(interaction_micros) / 1000) AS p95_ms
FROM web_logs GROUP BY controller, action HAVING requests > 500 ORDER BY p95_ms DESC LIMIT 5""",
    ),
    Question(
        "Who acts as others, and how much do they write?",
        """SELECT real_user_id AS person, uniqExact(user_id) AS acted_as, count() AS requests,
       countIf(http_method IN ('POST', 'PUT', 'DELETE')) AS writes
FROM web_logs WHERE real_user_id IS NOT NULL AND real_user_id != user_id
GROUP BY person ORDER BY acted_as DESC LIMIT 5""",
    ),
)

ANOMALIES: Final = """SELECT rule, dimension, key, severity, status,
       toUnixTimestamp64Micro(window_start) AS start,
       toUnixTimestamp64Micro(window_end) AS end, title, explanation
FROM anomalies WHERE status != 'retracted' ORDER BY window_start"""
