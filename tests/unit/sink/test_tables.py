"""The explicit lists of the sink are complete."""

from pathlib import Path

import pipeline.sink.tables
from pipeline.domain.topics import TOPICS as CATALOGUE
from pipeline.sink.tables import INSERTED, TABLES, TOPICS

MIGRATIONS = Path(__file__).parents[3] / "infra" / "clickhouse" / "migrations"


def test_every_topic_that_the_sink_reads_has_one_table() -> None:
    read = [topic.name for topic in CATALOGUE if "sink" in topic.read_by]
    assert sorted(TOPICS) == sorted(read)


def test_every_file_of_the_room_is_in_the_tuple() -> None:
    folder = Path(pipeline.sink.tables.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "table"}
    assert files == {table.name for table in TABLES}


def test_every_table_is_inserted_once_and_erasures_last() -> None:
    assert sorted(table.name for table in INSERTED) == sorted(table.name for table in TABLES)
    assert INSERTED[-1].name == "erasures"


def test_every_table_and_its_view_are_made_by_a_migration() -> None:
    sql = "\n".join(path.read_text() for path in MIGRATIONS.glob("*.sql"))
    for table in TABLES:
        assert f"CREATE TABLE IF NOT EXISTS {table.store}\n" in sql
        assert f"CREATE OR REPLACE VIEW {table.name}\n" in sql


def test_retention_and_partitions_depend_on_the_sorting_key_alone() -> None:
    """A row replaced in another partition never merges with the copy that replaces it."""
    for table in TABLES:
        (path,) = MIGRATIONS.glob(f"*_{table.name}.sql")
        sql = path.read_text().split("CREATE OR REPLACE VIEW")[0]
        order = next(line for line in sql.splitlines() if line.startswith("ORDER BY"))
        for line in sql.splitlines():
            if line.startswith("PARTITION BY"):
                inner = line.removeprefix("PARTITION BY toYYYYMM(").removesuffix(")")
                assert inner in order
            if line.startswith("TTL"):
                assert table.expiry is not None
                assert line.startswith(f"TTL {table.expiry.age_of} + toIntervalDay(")
                assert table.expiry.age_of in order
