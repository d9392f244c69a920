"""A curl for ClickHouse's HTTP interface, on the standard library."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.stack import ClickHouseAddress


class Reply(NamedTuple):
    """Status, body and headers (names in lower case)."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    address: ClickHouseAddress,
    sql: str | bytes = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    **parameters: str,
) -> Reply:
    """Send one request: ``sql`` is the body of a POST; parameters go into the URL."""
    url = f"{address.url}/?{urllib.parse.urlencode(parameters)}"
    body = (sql.encode() if isinstance(sql, str) else sql) if method == "POST" else None
    credentials = {"X-ClickHouse-User": address.user, "X-ClickHouse-Key": address.password}
    request = urllib.request.Request(  # noqa: S310  # http, to this machine
        url, data=body, headers=credentials | dict(headers or {}), method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # as above
            return Reply(response.status, response.read(), _lower(response.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read(), _lower(error.headers))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
