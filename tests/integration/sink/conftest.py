"""Migrated databases, and clients that look into them."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.sink.applied_retention import apply_retention
from pipeline.sink.client import client_of, create_database
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.migrations import migrate
from pipeline.sink.retention import FOR_EVER
from pipeline.sink.tables import STORES
from pipeline.sink.writer import ClickHouseWriter
from tests.support.stack import Stack

MIGRATIONS = Path(__file__).parents[3] / "infra" / "clickhouse" / "migrations"


def connect(stack: Stack, database: str) -> ClickHouseConnection:
    host, port, user, password = stack.clickhouse_address
    return ClickHouseConnection(
        host=host, port=port, user=user, password=password, database=database
    )


@pytest.fixture
def own(stack: Stack, database: str) -> ClickHouseConnection:
    """A database without tables, of one test alone."""
    return connect(stack, database)


@pytest.fixture
def empty(own: ClickHouseConnection) -> Iterator[Client]:
    """A client of a database without tables."""
    with client_of(own) as client:
        yield client


@pytest.fixture(scope="session")
def connection(stack: Stack) -> Iterator[ClickHouseConnection]:
    """A migrated database that keeps rows of any age, shared by the tests that only fill it."""
    shared = connect(stack, f"test_{uuid.uuid4().hex[:12]}")
    create_database(shared)
    with client_of(shared) as client:
        migrate(client, MIGRATIONS)
        apply_retention(client, FOR_EVER)
        yield shared
        client.command(f"DROP DATABASE {shared.database}")


@pytest.fixture
def client(connection: ClickHouseConnection) -> Iterator[Client]:
    """A client of the migrated database; its tables are empty at first."""
    with client_of(connection) as client:
        for store in STORES:
            if client.command(f"SELECT count() FROM {store}"):  # noqa: S608 - ours
                client.command(f"TRUNCATE TABLE {store}")
        yield client


@pytest.fixture
async def writer(
    client: Client, connection: ClickHouseConnection
) -> AsyncIterator[ClickHouseWriter]:
    """A writer into the migrated database."""
    assert client.database == connection.database
    opened = ClickHouseWriter(connection)
    yield opened
    await opened.close()
