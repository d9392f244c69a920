"""Migrations on the real engine."""

import shutil
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.domain.errors import OurMistake
from pipeline.sink.applied_retention import apply_retention, retention_differences
from pipeline.sink.checks import check
from pipeline.sink.client import create_database, open_client
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.migrations import migrate, migration_differences
from pipeline.sink.queries import count_tables, query
from pipeline.sink.retention import Retention
from pipeline.sink.tables import TABLES
from tests.integration.sink.conftest import MIGRATIONS
from tests.support.avro_schemas import raw_schemas

pytestmark = pytest.mark.stack

FILES = [path.stem for path in sorted(MIGRATIONS.glob("*.sql"))]


def test_migrating_twice_does_everything_once(empty: Client) -> None:
    assert migration_differences(empty, MIGRATIONS) == [
        f"migration {name} is not applied" for name in FILES
    ]
    assert migrate(empty, MIGRATIONS) == FILES
    assert migrate(empty, MIGRATIONS) == []
    assert check(empty, MIGRATIONS, raw_schemas().__getitem__, Retention()) == []
    assert set(count_tables(empty).values()) == {0}


def test_a_migration_changed_after_it_was_applied_is_our_mistake(
    empty: Client, tmp_path: Path
) -> None:
    directory = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, directory)
    migrate(empty, directory)
    changed = directory / f"{FILES[2]}.sql"
    changed.write_text(changed.read_text() + "-- one word more\n")
    (directory / f"{len(FILES) + 1:04d}_next.sql").write_text(
        "CREATE TABLE x (a Int8) ENGINE = Log"
    )
    with pytest.raises(OurMistake, match=f"{FILES[2]} was changed after it was applied"):
        migrate(empty, directory)
    assert not query(empty, "SHOW TABLES LIKE 'x'").rows


def test_a_database_newer_than_the_program_is_our_mistake(empty: Client, tmp_path: Path) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "new")
    (tmp_path / "new" / f"{len(FILES) + 1:04d}_next.sql").write_text("SELECT 1")
    migrate(empty, tmp_path / "new")
    with pytest.raises(OurMistake, match="next, this program has not"):
        migrate(empty, MIGRATIONS)


def test_a_migration_that_failed_half_way_is_applied_again(empty: Client, tmp_path: Path) -> None:
    path = tmp_path / "0001_two.sql"
    path.write_text("CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Log; SELECT nonsense")
    with pytest.raises(OurMistake, match="migration 0001_two"):
        migrate(empty, tmp_path)
    assert migration_differences(empty, tmp_path) == ["migration 0001_two is not applied"]
    path.write_text("CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Log; SELECT 1")
    assert migrate(empty, tmp_path) == ["0001_two"]


def test_every_column_has_a_comment_and_personal_data_says_so(client: Client) -> None:
    found = query(
        client,
        "SELECT table, name, comment FROM system.columns WHERE database = currentDatabase()"
        " AND NOT endsWith(table, '_filling')",  # a trigger: nobody reads it
    )
    comments = {(table, name): comment for table, name, comment in found.rows}
    assert all(comments.values())
    for table in TABLES:
        for field in raw_schemas()[table.topic.schema]["fields"]:
            for name in (table.name, table.store):
                said = comments[name, field["name"]].startswith("Personal data.")
                assert said == field.get("personal", False), (name, field["name"])
    tables = query(
        client,
        "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"
        " AND NOT endsWith(name, '_filling')",
    )
    assert all(comment for _, comment in tables.rows)


def test_a_column_that_a_table_lacks_is_found(empty: Client) -> None:
    migrate(empty, MIGRATIONS)
    empty.command("ALTER TABLE sessions_store DROP COLUMN pages")
    assert check(empty, MIGRATIONS, raw_schemas().__getitem__) == [
        "table sessions_store has no column pages"
    ]


def test_retention_is_what_the_settings_say(empty: Client) -> None:
    migrate(empty, MIGRATIONS)
    assert retention_differences(empty, Retention()) == []
    wanted = Retention(raw_days=30, results_days=None)
    changed = [
        store
        for table in TABLES
        for store in table.stores
        if table.expiry and table.expiry.keep in ("raw", "results")
    ]
    assert apply_retention(empty, wanted) == changed
    assert apply_retention(empty, wanted) == []
    assert retention_differences(empty, wanted) == []
    assert "sessions_store should keep rows 1100 days" in retention_differences(empty, Retention())


def test_a_missing_database_is_created_once_and_otherwise_our_mistake(
    own: ClickHouseConnection, empty: Client
) -> None:
    empty.command(f"DROP DATABASE {own.database}")
    with pytest.raises(OurMistake, match="does not exist"):
        open_client(own)
    assert create_database(own)
    assert not create_database(own)
    open_client(own).close()
