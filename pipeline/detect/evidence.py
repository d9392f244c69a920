"""ClickHouse queries that show the rows behind an alert; views and columns as the sink makes them.

Values come from data, so they are written as quoted literals with both quoting characters escaped
(ClickHouse SQL reference, string literals).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LIMIT: Final = 500

MANY: Final = "(many)"
"""Key of the alert that stands for the keys beyond a rule's alerts per hour."""


def error_query(dimension: str, key: str, status_class: str, window: tuple[int, int]) -> str:
    """Return a query for the requests of a status class; ``window`` in microseconds."""
    lowest = int(status_class[0]) * 100
    condition = f" AND http_status BETWEEN {lowest} AND {lowest + 99}"
    if dimension == "controller_action":
        name = (
            "concat(ifNull(web_application_controller, 'unspecified'), '#', "
            "ifNull(web_application_action, 'unspecified'))"
        )
        condition += f" AND {name} = {literal(key)}"
    columns = (
        "timestamp, id, http_status, http_method, web_application_controller, "
        "web_application_action, url, user_id, session_id"
    )
    where = f"{between('timestamp', window)}{condition}"
    return f"{_select(columns, 'web_logs', where)} ORDER BY timestamp LIMIT {LIMIT}"


def masquerade_query(actor: str, window: tuple[int, int]) -> str:
    """Return a query for what a person did as others, in both feeds."""
    real = f"toString(real_user_id) = {literal(actor)} AND user_id != real_user_id"
    columns = "user_id AS acted_as, http_method, url, session_id"
    web_logs = _select(
        f"timestamp AS time, 'web_logs' AS feed, toString(id) AS request, {columns}",
        "web_logs",
        f"{between('timestamp', window)} AND {real}",
    )
    live_events = _select(
        f"event_time AS time, 'live_events' AS feed, toString(request_id) AS request, {columns}",
        "live_events",
        f"{between('event_time', window)} AND {real}",
    )
    return f"{_select('*', f'({web_logs} UNION ALL {live_events})')} ORDER BY time LIMIT {LIMIT}"


def watch_query(dimension: str, key: str, feeds: Sequence[str], window: tuple[int, int]) -> str:
    """Return a query for the requests of a key where they tell more than its statistics.

    What was answered comes first: of a thousand refused logins the one that got in.
    """
    if key != MANY and dimension == "masqueraded_admin":
        return masquerade_query(key, window)
    if key != MANY and dimension in _REQUESTS:
        where = f"{between('timestamp', window)} AND {_REQUESTS[dimension](key)}"
        order = f"ORDER BY http_status >= 400, timestamp LIMIT {LIMIT}"
        return f"{_select(_COLUMNS, 'web_logs', where)} {order}"
    return stats_query(dimension, key, feeds, window)


def stats_query(dimension: str, key: str, feeds: Sequence[str], window: tuple[int, int]) -> str:
    """Return a query for the statistics of a key; of ``(many)`` keys, of all of its dimension."""
    columns = (
        "minute, feed, key, rows, errors, writes, status_4xx, status_5xx, members, "
        "members_distinct, sample_request_ids, sample_session_ids"
    )
    named = ", ".join(literal(feed) for feed in feeds)
    where = f"dimension = {literal(dimension)} AND feed IN ({named})"
    if key != MANY:
        where += f" AND key = {literal(key)}"
    where = f"{between('minute', window)} AND {where}"
    return f"{_select(columns, 'request_stats', where)} ORDER BY minute, key LIMIT {LIMIT}"


def _of_token(key: str) -> str:
    developer_key, _, actor = key.partition("#")
    return f"toString(developer_key_id) = {literal(developer_key)} AND {_of_actor(actor)}"


def _of_actor(key: str) -> str:
    return f"toString(ifNull(real_user_id, user_id)) = {literal(key)}"


def _written_by(key: str) -> str:
    return f"{_of_actor(key)} AND http_method NOT IN ('GET', 'HEAD', 'OPTIONS')"


def _written_as_others_by(key: str) -> str:
    _, _, actor = key.partition("#")
    return f"{_written_by(actor)} AND real_user_id != user_id"


def _logins_from(key: str) -> str:
    return f"remote_ip = {literal(key)} AND startsWith(web_application_controller, 'login/')"


def _of_session(key: str) -> str:
    return f"session_id = {literal(key)}"


def _downloads_by(key: str) -> str:
    whose = f"({_of_actor(key)} OR remote_ip = {literal(key)})"
    return f"{whose} AND endsWith(splitByChar('?', url)[1], '/download')"


def _refused_to(key: str) -> str:
    return f"toString(developer_key_id) = {literal(key)} AND http_status IN (403, 429)"


_COLUMNS: Final = (
    "timestamp, id, http_status, http_method, web_application_controller, "
    "web_application_action, url, user_id, real_user_id, remote_ip, user_agent, session_id"
)

_REQUESTS: Final[Mapping[str, Callable[[str], str]]] = {
    "admin_actor": _written_by,
    "admin_by_hand": _written_by,
    "download_actor": _downloads_by,
    "failed_login_ip": _logins_from,
    "masqueraded_write": _written_as_others_by,
    "session_agent": _of_session,
    "session_network": _of_session,
    "throttled": _refused_to,
    **dict.fromkeys(("token", "token_admin", "token_agent", "token_course"), _of_token),
}
"""Dimensions of which the reader of an alert needs the requests: what was done, who got in."""


def _select(columns: str, table: str, where: str = "true") -> str:
    # Text for the reader of an alert, never run by us; values in it are escaped literals.
    return f"SELECT {columns} FROM {table} WHERE {where}"  # noqa: S608


def between(column: str, window: tuple[int, int]) -> str:
    """Return the condition that a time lies in a window (start included, end not)."""
    first, last = (f"toDateTime64('{text_of(at)}', 6, 'UTC')" for at in window)
    return f"{column} >= {first} AND {column} < {last}"


def text_of(at: int) -> str:
    """Return a time in microseconds as ClickHouse reads it."""
    return (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M:%S")


def clock(at: int) -> str:
    """Return a time in microseconds as people read it."""
    return (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M UTC")


def literal(value: str) -> str:
    """Return a text as a ClickHouse string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def chance(probability: float | None) -> str:
    """Return a probability for a reader; one too small for a float is said to be below that."""
    if probability is None:
        return "not known"
    return f"{probability:.1g}" if probability > 0 else "below 1e-300"
