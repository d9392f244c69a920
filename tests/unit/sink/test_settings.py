"""Values of the configuration that make no sense are refused."""

from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.retention import Retention


@pytest.mark.parametrize("name", ["", "a b", "a`; DROP", "1a", "ä"])
def test_a_database_name_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        ClickHouseConnection(database=name)


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(ClickHouseConnection(password="secret"))


def test_tls_is_handed_to_the_client() -> None:
    arguments = ClickHouseConnection(
        secure=True, verify=False, ca_file=Path("/ca.pem")
    ).client_arguments()
    assert arguments["interface"] == "https"
    assert arguments["verify"] is False
    assert arguments["ca_cert"] == "/ca.pem"


def test_rows_are_kept_for_a_day_at_least() -> None:
    with pytest.raises(SettingsError):
        Retention(raw_days=0)
