from datetime import UTC, datetime

import pytest

from pipeline.app.instants import instant, moment
from pipeline.domain.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-15", datetime(2026, 2, 15, tzinfo=UTC)),
        ("2026-02-15T08:30:00", datetime(2026, 2, 15, 8, 30, tzinfo=UTC)),
        ("2026-02-15T08:30:00Z", datetime(2026, 2, 15, 8, 30, tzinfo=UTC)),
        ("2026-02-15T08:30:00-07:00", datetime(2026, 2, 15, 15, 30, tzinfo=UTC)),
        ("1969-12-31T23:59:59.999999Z", datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)),
    ],
)
def test_an_instant_is_utc_unless_it_has_an_offset(text: str, expected: datetime) -> None:
    assert moment("--since", text) == expected
    assert instant("--since", text) / 1_000_000 == expected.timestamp()


def test_what_is_no_instant_is_said_with_its_option() -> None:
    with pytest.raises(SettingsError, match="--until yesterday is no instant; write it like"):
        instant("--until", "yesterday")
