"""Tables rebuilt from the topics are the tables that were; an interruption costs time only."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.app.commands.rebuild import rebuild_clickhouse
from pipeline.domain.errors import OurMistake
from pipeline.sink.beside import Beside
from pipeline.sink.client import client_of
from pipeline.sink.queries import query
from pipeline.sink.tables import TABLES
from tests.support.clickhouse_http import ask
from tests.support.line import Line, simulated
from tests.support.stack import Stack

pytestmark = pytest.mark.stack

PATIENCE_S = 900.0
FEEDS = {"web-logs-files": "web_logs", "live-events-files": "live_events"}


@pytest.fixture(scope="module")
def line(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line that has eight hours of a small university in its tables."""
    directory = tmp_path_factory.mktemp("rebuild")
    files = simulated(directory, "--users", "120", "--hours", "8", "--seed", "6")
    name = uuid.uuid4().hex[:12]
    made = Line(stack, f"rebuild-{name}.", f"rebuild_{name}")
    made.create()
    for command, feed in FEEDS.items():
        done = made.command("ingest", command, str(files / feed))
        assert done.returncode == 0, done.stderr
    made.start("sessionize", "detect", "sink")
    try:
        made.caught_up(within_s=PATIENCE_S)
        yield made
    finally:
        made.stop()
    database = made.settings.clickhouse_database
    for each in (database, f"{database}_rebuild", f"{database}_old"):
        ask(stack.clickhouse_address, f"DROP DATABASE IF EXISTS {each}")


@pytest.fixture
def beside(line: Line) -> Iterator[Beside]:
    """The tables beside the line's; no old ones at first."""
    opened = Beside(line.settings.clickhouse())
    opened.drop_old()
    yield opened
    opened.close()


def views(line: Line) -> dict[str, tuple[int, int]]:
    """Return how many rows every view shows, and a checksum over them."""
    with client_of(line.settings.clickhouse()) as client:
        found = {}
        first = ("web_logs_first", "live_events_first", "course_audit_first")
        for table in (*(table.name for table in TABLES), *first):
            statement = f"SELECT count(), groupBitXor(cityHash64(toString(tuple(*)))) FROM {table}"  # noqa: S608 - ours
            ((count, checksum),) = query(client, statement).rows
            found[table] = (int(count), int(checksum))
        return found


def damage(line: Line) -> None:
    """Lose a table and make another wrong."""
    with client_of(line.settings.clickhouse()) as client:
        client.command("TRUNCATE TABLE sessions_store")
        client.command("DELETE FROM web_logs_store WHERE http_status < 400")


def rebuild(line: Line, *, drop_old: bool = False) -> None:
    """Rebuild while the sink goes on."""
    rebuild_clickhouse(
        carry_over=False, accept_loss=False, drop_old=drop_old, settings=line.settings
    )


def test_rebuilt_tables_are_those_that_were_and_the_old_ones_are_kept_until_dropped(
    line: Line, beside: Beside, capsys: pytest.CaptureFixture[str]
) -> None:
    before = views(line)
    assert all(before[name][0] for name in ("web_logs", "live_events", "sessions"))
    damage(line)
    assert views(line) != before
    rebuild(line)
    assert "The topics hold everything since their beginning." in capsys.readouterr().out
    assert views(line) == before
    with pytest.raises(OurMistake, match="--drop-old"):
        rebuild(line)
    rebuild(line, drop_old=True)
    assert not beside.drop_old()


def test_a_rebuild_that_was_cut_off_while_filling_begins_anew(line: Line, beside: Beside) -> None:
    before = views(line)
    beside.begin(line.settings.migrations_dir, line.settings.retention())
    assert not beside.ready
    rebuild(line)
    assert views(line) == before


def test_a_rebuild_that_was_cut_off_during_the_exchange_goes_on_with_it(
    line: Line, beside: Beside, capsys: pytest.CaptureFixture[str]
) -> None:
    before = views(line)
    beside.begin(line.settings.migrations_dir, line.settings.retention())
    beside.carry_over()
    beside.mark_ready()
    with client_of(line.settings.clickhouse()) as client:
        client.command(
            f"EXCHANGE TABLES {beside.live.database}.sessions_store"
            f" AND {beside.new.database}.sessions_store"
        )
        client.command(f"TRUNCATE TABLE {beside.new.database}.sessions_store")
    rebuild(line)
    assert "going on with it" in capsys.readouterr().out
    assert views(line) == before


def test_what_comes_after_the_filling_is_not_lost(
    line: Line, beside: Beside, tmp_path: Path
) -> None:
    """The filled tables are ready; then rows reach the topics and the tables that are live."""
    before = views(line)
    beside.begin(line.settings.migrations_dir, line.settings.retention())
    beside.carry_over()
    beside.mark_ready()
    later = simulated(tmp_path, "--users", "120", "--hours", "6", "--seed", "9",
                      "--start", "2026-02-04T00:00:00Z")  # fmt: skip
    done = line.command("ingest", "web-logs-files", str(later / "web_logs"))
    assert done.returncode == 0, done.stderr
    line.caught_up(within_s=PATIENCE_S)
    after = views(line)
    assert after != before
    rebuild(line)
    assert views(line) == after
