"""The dimensions that name people are known to what forgets them."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.aggregate.dimensions import DIMENSIONS, Narrow
from pipeline.aggregate.dimensions.parts import Part
from pipeline.aggregate.part_kernels import NUMBER
from pipeline.sink.people_in_signals import FORMER_KEYS, KEYS, MEMBERS
from pipeline.sink.tables.anomalies import ANOMALIES
from pipeline.sink.tables.request_stats import REQUEST_STATS
from pipeline.sink.tables.table import Table

PEOPLE = {"actor", "user", "doer"}
"""Columns of numbers with whose a row is."""
MIGRATIONS = Path(__file__).parents[3] / "infra" / "clickhouse" / "migrations"


def name_people(parts: Sequence[Part | None]) -> bool:
    """Say whether any of some parts is made of a column that says whose a row is."""
    return any(
        (part.kind == NUMBER and part.column in PEOPLE) or name_people(part.of)
        for part in parts
        if part is not None
    )


def test_every_dimension_with_people_in_its_keys_or_members_is_named() -> None:
    narrow = [dimension for dimension in DIMENSIONS if isinstance(dimension, Narrow)]
    assert {d.name for d in DIMENSIONS if name_people(d.key)} == {*KEYS} - {*FORMER_KEYS}
    assert {d.name for d in narrow if name_people([d.members])} == set(MEMBERS)


def test_people_are_the_last_part_of_a_key() -> None:
    for dimension in DIMENSIONS:
        assert not name_people(dimension.key[:-1]), dimension.name


@pytest.mark.parametrize("table", [REQUEST_STATS, ANOMALIES])
def test_a_view_leaves_out_the_rows_that_are_deleted(table: Table) -> None:
    files = sorted(MIGRATIONS.glob("*.sql"))
    made = f"CREATE OR REPLACE VIEW {table.name}\n"
    view = [text for path in files if made in (text := path.read_text())][-1].partition(made)[2]
    assert table.of_person is not None
    condition = table.of_person.format(people="(SELECT user_id FROM erased_people)")
    assert f"NOT ({plain(condition)})" in plain(view.partition(";\n")[0])


def plain(sql: str) -> str:
    return re.sub(r"(?<=[(\[]) | (?=[)\]])", "", re.sub(r"\s+", " ", sql))
