"""Tables beside the live ones change places with them, once, whatever cuts it off."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.domain.errors import OurMistake
from pipeline.sink.applied_retention import apply_retention
from pipeline.sink.beside import Beside, lost_rows
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.migrations import migrate
from pipeline.sink.queries import query
from pipeline.sink.retention import FOR_EVER
from pipeline.sink.tables.erasures import ERASURES
from pipeline.sink.tables.sessions import SESSIONS
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
from tests.integration.sink.conftest import MIGRATIONS
from tests.support.sink_rows import row
from tests.support.sink_tables import fill

pytestmark = pytest.mark.stack

NOBODY = {"user_id": None, "real_user_id": None}


@pytest.fixture
def beside(own: ClickHouseConnection, empty: Client) -> Iterator[Beside]:
    """Migrated tables of one test, and what is beside them."""
    migrate(empty, MIGRATIONS)
    apply_retention(empty, FOR_EVER)
    opened = Beside(own)
    yield opened
    for each in (opened.new, opened.old):
        empty.command(f"DROP DATABASE IF EXISTS {each.database} SYNC")
    opened.close()


def count(client: Client, name: str) -> int:
    ((found,),) = query(client, f"SELECT count() FROM {name}").rows  # noqa: S608 - ours
    return int(found)


async def filled(connection: ClickHouseConnection, numbers: range) -> None:
    writer = ClickHouseWriter(connection)
    try:
        await fill(writer, WEB_LOGS, [row("web_log", n, **NOBODY) for n in numbers])
        await fill(writer, SESSIONS, [row("session", n, status="final") for n in numbers])
    finally:
        await writer.close()


async def test_new_tables_take_the_place_of_the_live_ones_and_these_are_kept(
    beside: Beside, empty: Client
) -> None:
    await filled(beside.live, range(3))
    beside.check(MIGRATIONS)
    beside.begin(MIGRATIONS, FOR_EVER)
    await filled(beside.new, range(5))
    beside.mark_ready()
    beside.exchange()
    await filled(beside.live, range(5, 7))  # a sink that goes on
    beside.put_away()
    assert [count(empty, name) for name in ("web_logs", "web_logs_first", "sessions")] == [7, 7, 7]
    assert count(empty, f"{beside.old.database}.web_logs_store") == 3
    assert count(empty, f"{beside.old.database}.web_logs_first_store") == 3
    with pytest.raises(OurMistake, match="--drop-old"):
        beside.check(MIGRATIONS)
    assert beside.drop_old()
    assert not beside.drop_old()


async def test_a_cut_while_filling_begins_anew_and_one_after_the_mark_goes_on(
    beside: Beside, empty: Client
) -> None:
    await filled(beside.live, range(3))
    beside.begin(MIGRATIONS, FOR_EVER)
    await filled(beside.new, range(9))
    assert not beside.ready
    beside.begin(MIGRATIONS, FOR_EVER)
    await filled(beside.new, range(5))
    beside.mark_ready()
    pair = [f"{side.database}.sessions_store" for side in (beside.live, beside.new)]
    empty.command(f"EXCHANGE TABLES {pair[0]} AND {pair[1]}")
    again = Beside(beside.live)
    assert again.ready
    again.exchange()
    again.exchange()
    again.put_away()
    again.close()
    assert [count(empty, name) for name in ("web_logs", "web_logs_first", "sessions")] == [5, 5, 5]


async def test_rows_are_carried_over_and_erasures_always(beside: Beside, empty: Client) -> None:
    await filled(beside.live, range(3))
    writer = ClickHouseWriter(beside.live)
    await fill(writer, ERASURES, [row("erasure", 1, kind="person", subject="7")])
    await writer.close()
    beside.begin(MIGRATIONS, FOR_EVER)
    stores = [f"{beside.new.database}.{name}_store" for name in ("erasures", "sessions")]
    assert [count(empty, store) for store in stores] == [1, 0]
    beside.carry_over()
    assert count(empty, stores[1]) == 3
    assert count(empty, f"{beside.new.database}.web_logs_first") == 3


async def test_what_topics_no_longer_hold_is_counted_where_positions_are_kept(
    beside: Beside, empty: Client
) -> None:
    await filled(beside.live, range(5))
    begun = {(WEB_LOGS.topic.name, 0): 2, (SESSIONS.topic.name, 0): 1, ("canvas.late.v1", 0): 0}
    assert lost_rows(empty, begun) == {"web_logs": 2, "sessions": None}
