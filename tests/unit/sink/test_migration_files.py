"""Reading a directory of migrations."""

from pathlib import Path

import pytest

from pipeline.domain.errors import OurMistake
from pipeline.sink.migrations import read_migrations


def test_migrations_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "0002_b.sql").write_text("SELECT 2;")
    (tmp_path / "0001_a.sql").write_text("SELECT 1; SELECT ';'")
    first, second = read_migrations(tmp_path)
    assert (first.number, first.name, first.statements) == (1, "a", ["SELECT 1", "SELECT ';'"])
    assert (second.number, second.name) == (2, "b")


def test_how_lines_end_does_not_change_a_migration(tmp_path: Path) -> None:
    path = tmp_path / "0001_a.sql"
    path.write_bytes(b"SELECT 1\n;")
    unix = read_migrations(tmp_path)
    path.write_bytes(b"SELECT 1\r\n;")
    assert read_migrations(tmp_path) == unix


@pytest.mark.parametrize(
    "names", [(), ("0002_b.sql",), ("0001_a.sql", "0001_b.sql"), ("1_a.sql",), ("0001_A.sql",)]
)
def test_holes_twins_and_strange_names_are_our_mistake(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(OurMistake):
        read_migrations(tmp_path)
