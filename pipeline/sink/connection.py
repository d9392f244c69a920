"""Where ClickHouse is and how to log in."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.domain.errors import SettingsError

_DATABASE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

CONNECT_TIMEOUT_S: Final = 10


@dataclass(frozen=True, slots=True)
class ClickHouseConnection:
    """Address, credentials and TLS of one ClickHouse database.

    ``answer_timeout_s`` bounds one statement; a full insert of the sink takes about a second.
    Raises SettingsError if the database's name is no plain identifier: it is written into SQL
    when the database is created.
    """

    host: str = "127.0.0.1"
    port: int = 8123
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "canvas"
    secure: bool = False
    verify: bool = True
    ca_file: Path | None = None
    answer_timeout_s: int = 120

    def __post_init__(self) -> None:
        if not _DATABASE.fullmatch(self.database):
            raise SettingsError("The ClickHouse database's name must be a plain identifier.")

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments of the client library, the database left out."""
        return {
            "host": self.host,
            "port": self.port,
            "username": self.user,
            "password": self.password,
            "interface": "https" if self.secure else "http",
            "verify": self.verify,
            "ca_cert": str(self.ca_file) if self.ca_file else None,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "send_receive_timeout": self.answer_timeout_s,
        }
