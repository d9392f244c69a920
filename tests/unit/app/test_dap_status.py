"""``ingest dap status`` says where the agent stands."""

import pytest

from pipeline.app.agents.dap import dap_access, dap_options
from pipeline.app.commands.ingest_dap import status_lines
from pipeline.app.settings import Settings
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.ingest.dap.cursor import DapCursor, micros_of

NOW = micros_of("2026-02-15T12:00:00Z")


def test_between_windows_it_names_what_is_published_the_newest_row_and_the_next_window() -> None:
    cursor = DapCursor(
        since="2026-02-15T08:00:00Z",
        windows=3,
        published=12_000,
        deletes=2,
        dead=1,
        newest=NOW - 5 * HOUR,
        next_at=NOW + 10 * MINUTE,
        gaps=(("2026-01-01T00:00:00Z", "2026-01-16T00:00:00Z"),),
    )
    assert status_lines(cursor, NOW) == [
        "everything committed before 2026-02-15T08:00:00Z is published",
        "3 windows done, 12,000 rows, 2 deletes, 1 dead letters",
        "newest row: 2026-02-15T07:00:00Z, 5.0 hours ago",
        "next window: 2026-02-15T12:10:00Z",
        "lost: 2026-01-01T00:00:00Z to 2026-01-16T00:00:00Z",
    ]


def test_within_a_window_it_says_how_far() -> None:
    cursor = DapCursor(
        since=None,
        until="2026-02-15T08:00:00Z",
        part=micros_of("2026-02-15T03:00:00Z") // HOUR,
        position=4_000,
    )
    assert status_lines(cursor, NOW)[0] == (
        "window under way: the beginning (snapshot) to 2026-02-15T08:00:00Z, "
        "4,000 rows of the hour 2026-02-15T03:00:00Z published"
    )


def test_without_a_key_the_settings_are_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"DAP_CLIENT_ID and .*DAP_CLIENT_SECRET"):
        dap_access(Settings())


def test_the_settings_reach_the_agent() -> None:
    settings = Settings.model_validate(
        {"dap_format": "csv", "dap_every_minutes": 60, "dap_spool_limit_mib": 5, "home_shard": 7}
    )
    options = dap_options(settings, once=True)
    assert (options.format, options.every, options.spool_limit) == ("csv", HOUR, 5 << 20)
    assert (options.once, options.home_shard) == (True, 7)
