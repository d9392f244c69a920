"""What a recomputation reads is kept as long, erased as surely and as wide as it must be."""

import re
from pathlib import Path

from pipeline.codecs.event_batch import event_columns
from pipeline.engine.sessionize_task import INPUTS
from pipeline.sink.erasing import forget, subjects
from pipeline.sink.recorded import SOURCES
from pipeline.sink.statements import split_statements
from pipeline.sink.tables import TABLES
from tests.support.fake_clickhouse import FakeClickHouse

MIGRATIONS = Path(__file__).parents[3] / "infra" / "clickhouse" / "migrations"
SQL = [
    statement
    for path in sorted(MIGRATIONS.glob("*.sql"))
    for statement in split_statements(path.read_text())
]
REQUEST = "8b6a2f4e-0000-4000-8000-00000000000a"


def columns(kind: str, name: str) -> set[str]:
    """Return the columns of a table or view, as its last migration makes it."""
    *_, made = (one for one in SQL if one.startswith(f"{kind} {name}\n"))
    body = made.split("\n)")[0]
    return set(re.findall(r"^    `?(\w+)`? ", body, re.MULTILINE))


def test_every_feed_of_the_stages_can_be_read_again_with_all_its_columns() -> None:
    assert set(SOURCES) >= set(INPUTS)
    for feed, source in SOURCES.items():
        needed = {*event_columns(feed), "_offset", "ingested_at", "user_id", "real_user_id"}
        assert needed <= columns("CREATE OR REPLACE VIEW", source.view)


def test_every_shadow_has_the_identity_and_the_age_of_its_store() -> None:
    for table in TABLES:
        for shadow in table.shadows:
            (made,) = (one for one in SQL if f"CREATE TABLE IF NOT EXISTS {shadow}\n" in one)
            (own,) = (one for one in SQL if f"CREATE TABLE IF NOT EXISTS {table.store}\n" in one)
            for clause in ("PARTITION BY", "ORDER BY", "TTL"):
                (line,) = (one for one in made.splitlines() if one.startswith(clause))
                assert line in own.splitlines()
            assert any(f" TO {shadow}\n" in one for one in SQL)


async def test_rule_22_what_is_erased_leaves_the_shadows_too() -> None:
    clickhouse = FakeClickHouse()
    await forget(clickhouse, subjects([("request", REQUEST), ("person", "7")]))
    for table in TABLES:
        for kind in (table.of_request, table.of_person):
            if kind is not None:
                for store in table.stores:
                    assert any(f" FROM {store} WHERE" in line for line in clickhouse.log)
