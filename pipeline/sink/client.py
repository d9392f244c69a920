"""Opening a client; every error of it is one of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from pipeline.domain.errors import OurMistake
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.failures import sorted_by_fault


@contextmanager
def our_errors(doing: str) -> Iterator[None]:
    """Turn the client library's errors into Unavailable and OurMistake."""
    try:
        yield
    except ClickHouseError as error:
        raise sorted_by_fault(error, doing) from error
    except FileNotFoundError as error:
        raise OurMistake("The CA file of the ClickHouse connection does not exist.") from error
    except OSError as error:
        raise sorted_by_fault(ClickHouseError(str(error)), doing) from error


def open_client(connection: ClickHouseConnection, *, in_database: bool = True) -> Client:
    """Open a client; one may be used by several threads.

    It has its own connections and no server-side session, so that statements do not exclude
    each other. Raises Unavailable when nobody answers, OurMistake when login or database is wrong.
    """
    with our_errors("the connection"):
        return clickhouse_connect.get_client(
            **connection.client_arguments(),
            database=connection.database if in_database else None,
            autogenerate_session_id=False,
            dedicated_pool=True,
        )


@contextmanager
def client_of(connection: ClickHouseConnection, *, in_database: bool = True) -> Iterator[Client]:
    """Open a client for a while; raises as open_client."""
    client = open_client(connection, in_database=in_database)
    try:
        yield client
    finally:
        client.close()


async def open_async_client(connection: ClickHouseConnection) -> AsyncClient:
    """Open the client of an event loop, in the connection's database; raises as open_client."""
    with our_errors("the connection"):
        return await clickhouse_connect.get_async_client(
            **connection.client_arguments(),
            database=connection.database,
            autogenerate_session_id=False,
        )


def create_database(connection: ClickHouseConnection) -> bool:
    """Create the connection's database if it is missing; return whether it was."""
    with (
        client_of(connection, in_database=False) as client,
        our_errors("creating the database"),
    ):
        found = client.query(
            "SELECT 1 FROM system.databases WHERE name = {name:String}",
            parameters={"name": connection.database},
        )
        if found.row_count:
            return False
        client.command(f"CREATE DATABASE IF NOT EXISTS `{connection.database}`")
        return True
