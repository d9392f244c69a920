"""Every setting, described once; only this room reads the environment.

A setting ``kafka_bootstrap`` is the variable ``CANVAS_TELEMETRY_KAFKA_BOOTSTRAP``. A variable
with that prefix that no field knows is refused, so that a typing mistake never goes unnoticed.
"""

import difflib
import os
import re
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from pipeline.app.agent_settings import AgentSettings
from pipeline.app.notify.settings import NotifySettings
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MICROS, MINUTE, EventTimeRules
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.kafka.connection import KafkaConnection
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.retention import Retention

PREFIX: Final = "CANVAS_TELEMETRY_"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]
ROOT: Final = (
    _CHECKOUT if (_CHECKOUT / "schemas").is_dir() else Path(__file__).resolve().parents[1] / "_data"
)
"""Schemas, rules and migrations: beside the package in a checkout, inside it when installed."""


class Settings(BaseSettings, AgentSettings, NotifySettings):
    """The effective configuration of one process."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    app_id: str = Field(
        "canvas-telemetry", description="Prefix of consumer groups and transactional ids."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="One JSON object a line, or lines for a person."
    )

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Brokers, host:port, by comma.")
    topic_prefix: str = Field(
        "", description="Put before every topic, group and transactional id, e.g. prod."
    )
    site: str = Field(
        "",
        description="Name of this installation in alerts; empty: topic prefix, else app id.",
    )
    partitions: int = Field(
        8, ge=1, le=1000, description="Partitions of the input topics; never changed later."
    )
    replication_factor: int = Field(
        -1, ge=-1, description="Replicas of the topics; -1: three, or as many as there are brokers."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How the brokers are reached."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism, with a SASL_ protocol."
    )
    kafka_username: str | None = Field(None, description="SASL user.")
    kafka_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ca_file: Path | None = Field(None, description="CA certificates of the brokers (PEM).")
    kafka_cert_file: Path | None = Field(None, description="Client certificate (PEM).")
    kafka_key_file: Path | None = Field(None, description="Key of the client certificate (PEM).")
    kafka_key_password: SecretStr | None = Field(None, description="Password of that key.")
    group_instance_id: str | None = Field(
        None, description="Static membership (KIP-345): a worker's name that survives restarts."
    )

    session_timeout_s: float = Field(
        30.0, ge=1, description="Silence after which the group gives a worker's partitions away."
    )
    heartbeat_s: float = Field(
        0.5, gt=0, description="Time between heartbeats: a change of the group is learnt that late."
    )

    stall_s: float = Field(
        60.0,
        gt=0,
        description="Lag of a partition, or an open transaction before it, until it is logged.",
    )
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of /metrics, /healthz, /readyz; 0: any free one (logged); None: off.",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address they are served on; 0.0.0.0 for a scraper elsewhere."
    )

    registry_url: str | None = Field(
        None, description="Confluent schema registry; without one, schema ids are fingerprints."
    )
    registry_username: str | None = Field(None, description="Registry user.")
    registry_password: SecretStr | None = Field(None, description="Registry password.")
    schemas_dir: Path = Field(ROOT / "schemas" / "avro", description="Where the .avsc files are.")
    rules_dir: Path = Field(ROOT / "rules", description="Where the detection rules are.")
    migrations_dir: Path = Field(
        ROOT / "infra" / "clickhouse" / "migrations", description="ClickHouse migrations."
    )

    clickhouse_host: str = Field("127.0.0.1", description="ClickHouse server.")
    clickhouse_port: int = Field(8123, ge=1, le=65535, description="Its HTTP(S) port.")
    clickhouse_database: str = Field("canvas", description="Database of all tables.")
    clickhouse_username: str = Field("default", description="ClickHouse user.")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="ClickHouse password.")
    clickhouse_secure: bool = Field(default=False, description="HTTPS instead of HTTP.")
    clickhouse_verify: bool = Field(default=True, description="Check the server's certificate.")
    clickhouse_ca_file: Path | None = Field(None, description="CA of the server (PEM).")
    keep_raw_days: int = Field(
        400, ge=0, description="Days ClickHouse keeps rows as received; 0 for ever."
    )
    keep_results_days: int = Field(
        1100, ge=0, description="Days it keeps sessions and statistics; 0 for ever."
    )
    keep_dead_letters_days: int = Field(
        90, ge=0, description="Days it keeps dead letters; 0 for ever."
    )

    feeds: tuple[Feed, ...] = Field(
        (WEB_LOGS, LIVE_EVENTS),
        min_length=1,
        description="Feeds that you have: event time waits for each of them (JSON list).",
    )
    time_zone: str = Field("UTC", description="Time zone of the Canvas instance.")
    day_start: str = Field("04:00", description="Local time that cuts sessions, 00:00 to 23:59.")
    session_gap_minutes: int = Field(30, ge=1, description="Pause that ends a session.")
    allowed_lateness_minutes: int = Field(
        270, ge=0, description="How late a row may come and still count."
    )
    live_events_delay_s: int = Field(
        120, ge=0, description="How far Live Events may be out of order."
    )
    web_logs_delay_s: int | None = Field(
        None, ge=0, description="The same for web_logs published without marks; None: by marks."
    )
    live_events_idle_minutes: int = Field(
        10, ge=1, description="Silence after which Live Events hold nothing back."
    )
    web_logs_idle_minutes: int = Field(
        1440, ge=1, description="Silence after which web_logs hold nothing back."
    )
    course_audit_idle_minutes: int = Field(
        1440, ge=1, description="Silence after which the course audit holds nothing back."
    )
    generation: int = Field(
        0, ge=0, lt=2**15, description="Raised by one when topics are created anew."
    )
    accept_lost_rows: bool = Field(
        default=False,
        description="Go on without rows that a topic's retention has taken before they were read.",
    )
    commit_interval_ms: int = Field(
        500, ge=10, description="Time between commits of sessionize; of detect half of it."
    )
    max_keys_per_minute: int = Field(
        1000, ge=0, description="Keys kept per minute and dimension; 0 keeps all."
    )

    home_shard: int | None = Field(
        None, description="Shard of this institution, for ids in shard~local form."
    )
    root_account_id: int | None = Field(None, description="Root account written to web_logs.")
    max_bad_share: float = Field(
        0.05, ge=0, le=1, description="Share of bad rows that stops an ingest agent."
    )
    record_limit_bytes: int = Field(
        1_000_000,
        ge=4096,
        description="Texts of a record are cut to so many bytes: topics take 1,048,588 in all.",
    )
    spool_dir: Path | None = Field(
        None, description="Where ingest sorts windows on disk; None: the system's temp directory."
    )

    @field_validator("kafka_bootstrap")
    @classmethod
    def _with_ports(cls, value: str) -> str:
        for server in value.split(","):
            if server.strip() and not re.fullmatch(r".+:\d{1,5}", server.strip()):
                raise ValueError(f"{server.strip()!r} is not host:port")
        return value

    @field_validator("day_start")
    @classmethod
    def _a_time_of_day(cls, value: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError(f"{value!r} is no time of day; write HH:MM, 00:00 to 23:59")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, ZoneInfoNotFoundError):
            near = difflib.get_close_matches(value, available_timezones(), n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"there is no time zone {value!r}{hint}") from None
        return value

    def kafka(self, client_id: str = "canvas-telemetry") -> KafkaConnection:
        """Return how to reach the brokers."""
        return KafkaConnection(
            bootstrap=self.kafka_bootstrap,
            prefix=self.topic_prefix,
            client_id=client_id,
            security=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism,
            sasl_username=self.kafka_username,
            sasl_password=_secret(self.kafka_password),
            ca_file=self.kafka_ca_file,
            cert_file=self.kafka_cert_file,
            key_file=self.kafka_key_file,
            key_password=_secret(self.kafka_key_password),
        )

    def clickhouse(self) -> ClickHouseConnection:
        """Return how to reach ClickHouse."""
        return ClickHouseConnection(
            host=self.clickhouse_host,
            port=self.clickhouse_port,
            database=self.clickhouse_database,
            user=self.clickhouse_username,
            password=self.clickhouse_password.get_secret_value(),
            secure=self.clickhouse_secure,
            verify=self.clickhouse_verify,
            ca_file=self.clickhouse_ca_file,
        )

    def retention(self) -> Retention:
        """Return how long ClickHouse keeps rows."""
        return Retention(
            raw_days=self.keep_raw_days or None,
            results_days=self.keep_results_days or None,
            dead_letters_days=self.keep_dead_letters_days or None,
        )

    def event_time(self) -> EventTimeRules:
        """Return the rules of event time."""
        hours, minutes = self.day_start.split(":")
        out_of_orderness: dict[Feed, int] = {LIVE_EVENTS: self.live_events_delay_s * MICROS}
        if self.web_logs_delay_s is not None:
            out_of_orderness[WEB_LOGS] = self.web_logs_delay_s * MICROS
        return EventTimeRules(
            gap=self.session_gap_minutes * MINUTE,
            allowed_lateness=self.allowed_lateness_minutes * MINUTE,
            day_start_s=int(hours) * 3600 + int(minutes) * 60,
            time_zone=self.time_zone,
            feeds=self.feeds,
            idle_timeout={
                WEB_LOGS: self.web_logs_idle_minutes * MINUTE,
                LIVE_EVENTS: self.live_events_idle_minutes * MINUTE,
                COURSE_AUDIT: self.course_audit_idle_minutes * MINUTE,
            },
            out_of_orderness=out_of_orderness,
        )

    @property
    def site_name(self) -> str:
        """Name of this installation in alerts."""
        return self.site or self.topic_prefix.strip(".-_") or self.app_id

    def group(self, stage: str) -> str:
        """Return the consumer group of a stage."""
        return f"{self.app_id}-{stage}"


def load_settings() -> Settings:
    """Read the environment.

    Raises SettingsError, with one sentence per mistake, for unknown or wrong variables.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in known]
    if unknown:
        raise SettingsError("; ".join(_unknown(name, known) for name in sorted(unknown)))
    try:
        return Settings()
    except UnreadableError as error:  # pydantic quotes the field, not the value
        field = re.search(r'field "(\w+)"', str(error))
        name = f"{PREFIX}{field[1].upper()}" if field else "a setting"
        raise SettingsError(f'{name} must be a JSON list, e.g. ["web_logs"]') from None
    except ValidationError as error:
        raise SettingsError(
            "; ".join(
                f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            )
        ) from None


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is no setting" + (f" (did you mean {near[0]}?)" if near else "")
