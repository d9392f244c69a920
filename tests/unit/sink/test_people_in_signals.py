"""The dimensions that name people are known to what forgets them."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.aggregate.arrow_texts import texts_of
from pipeline.aggregate.dimensions import DIMENSIONS, Narrow
from pipeline.aggregate.dimensions.parts import I32, I64, Column, Flags, Part
from pipeline.sink.people_in_signals import FORMER_KEYS, KEYS, MEMBERS
from pipeline.sink.tables.anomalies import ANOMALIES
from pipeline.sink.tables.request_stats import REQUEST_STATS
from pipeline.sink.tables.table import Table

PEOPLE = {"actor", "user", "doer"}
"""Columns of numbers with whose a row is."""
MIGRATIONS = Path(__file__).parents[3] / "infra" / "clickhouse" / "migrations"


class Asked:
    """One row; remembers which columns of numbers were asked for."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()

    @property
    def traits(self) -> I32:
        return np.zeros(1, np.int32)

    def text(self, _name: str) -> Column:
        return Column(texts_of(pl.Series(["10.0.0.1"], dtype=pl.String)))

    def number(self, name: str) -> tuple[I64, Flags | None]:
        self.numbers.add(name)
        return np.ones(1, np.int64), None


def name_people(parts: Sequence[Part | None]) -> bool:
    asked = Asked()
    for part in parts:
        if part is not None:
            part.read(asked)
    return not PEOPLE.isdisjoint(asked.numbers)


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
