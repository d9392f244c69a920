"""The query of an alert shows what its rule tells the reader to look at."""

import pytest

from pipeline.detect.evidence import MANY, watch_query
from pipeline.domain.event_time import HOUR

WINDOW = (0, HOUR)


@pytest.mark.parametrize(
    ("dimension", "key", "condition"),
    [
        ("failed_login_ip", "203.0.113.9", "remote_ip = '203.0.113.9' AND startsWith("),
        ("token_admin", "55#7", "toString(developer_key_id) = '55' AND"),
        ("token", "55#7", "user_id)) = '7'"),
        ("masqueraded_write", "grade#12", "= '12' AND http_method NOT IN"),
        ("session_agent", "0c1d", "session_id = '0c1d'"),
        ("masqueraded_admin", "12", "toString(real_user_id) = '12'"),
    ],
)
def test_requests_are_shown_where_the_reader_needs_them(
    dimension: str, key: str, condition: str
) -> None:
    text = watch_query(dimension, key, ("web_logs",), WINDOW)
    assert condition in text
    assert "FROM web_logs WHERE timestamp >= toDateTime64('1970-01-01 00:00:00'" in text


@pytest.mark.parametrize(("dimension", "key"), [("grader", "7"), ("token", MANY)])
def test_statistics_are_shown_of_everything_else(dimension: str, key: str) -> None:
    assert "FROM request_stats" in watch_query(dimension, key, ("web_logs",), WINDOW)


def test_a_key_cannot_leave_its_quotes() -> None:
    text = watch_query("failed_login_ip", "x' OR 1 = 1 --\\", ("web_logs",), WINDOW)
    assert "remote_ip = 'x\\' OR 1 = 1 --\\\\'" in text
