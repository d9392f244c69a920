"""Settings: what is unknown or wrong is refused, and secrets are never shown."""

import os
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from pipeline.app.settings import PREFIX, Settings, load_settings
from pipeline.cli import app
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MINUTE
from pipeline.sink.retention import FOR_EVER


@pytest.fixture(autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(PREFIX)}
    yield
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(before)


def set_variable(name: str, value: str) -> None:
    os.environ[f"{PREFIX}{name}"] = value


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    set_variable("KAFKA_BOOTSTRP", "x")
    with pytest.raises(SettingsError, match="did you mean CANVAS_TELEMETRY_KAFKA_BOOTSTRAP"):
        load_settings()


def test_a_wrong_value_is_refused_by_its_variable() -> None:
    set_variable("PARTITIONS", "many")
    with pytest.raises(SettingsError, match=r"CANVAS_TELEMETRY_PARTITIONS: .*integer"):
        load_settings()


@pytest.mark.parametrize("value", ["29:00", "4:00", "24:00", "04:60", "noon"])
def test_a_day_that_starts_at_no_time_is_refused_in_plain_words(value: str) -> None:
    set_variable("DAY_START", value)
    with pytest.raises(SettingsError, match="is no time of day; write HH:MM"):
        load_settings()


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_show_prints_every_variable_and_no_secret() -> None:
    set_variable("CLICKHOUSE_PASSWORD", "hunter2")
    set_variable("KAFKA_PASSWORD", "hunter3")
    shown = CliRunner().invoke(app, ["config", "show"], env={"COLUMNS": "300"})
    assert shown.exit_code == 0
    assert "hunter" not in shown.output
    assert all(f"{PREFIX}{name.upper()}" in shown.output for name in Settings.model_fields)


def test_security_that_does_not_fit_together_is_refused_by_check() -> None:
    set_variable("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SettingsError, match="needs a user name and a password"):
        CliRunner().invoke(app, ["config", "check"], catch_exceptions=False)


def test_settings_become_what_the_clients_take() -> None:
    set_variable("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    set_variable("KAFKA_USERNAME", "pipeline")
    set_variable("KAFKA_PASSWORD", "secret")
    set_variable("DAY_START", "03:30")
    set_variable("WEB_LOGS_DELAY_S", "60")
    set_variable("FEEDS", '["web_logs"]')
    set_variable("KEEP_RAW_DAYS", "0")
    settings = load_settings()
    arguments = settings.kafka().client_arguments()
    assert arguments["sasl_plain_username"] == "pipeline"
    assert arguments["sasl_plain_password"] == "secret"
    rules = settings.event_time()
    assert rules.day_start_s == 3 * 3600 + 30 * 60
    assert rules.out_of_orderness == {"live_events": 2 * MINUTE, "web_logs": MINUTE}
    assert rules.feeds == ("web_logs",)
    assert settings.retention().raw_days is FOR_EVER.raw_days
