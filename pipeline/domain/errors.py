"""Errors, by whose fault they are.

    TelemetryError
    ├── OurMistake            configuration, schema or contract: stop at start with one sentence
    │   └── SettingsError     a value of the configuration
    ├── Unavailable           broker, registry or ClickHouse: retry, acknowledge nothing
    ├── Fenced                another worker owns the task now: drop it, keep nothing
    ├── RestoreMismatch       restored output is newer than the committed offset: read again
    └── TooManyBadRecords     the code is wrong, not the data: stop with the first reasons

A bad record is no error but a value: see ``pipeline.domain.bad_record``.
"""


class TelemetryError(Exception):
    """Root of every error this project raises on purpose."""


class OurMistake(TelemetryError):
    """Configuration, schema or contract is wrong; no retry helps."""


class SettingsError(OurMistake):
    """A value of the configuration is wrong."""


class Unavailable(TelemetryError):
    """A server does not answer; the work is kept and tried again."""


class Fenced(TelemetryError):
    """Another worker owns this task now."""


class RestoreMismatch(TelemetryError):
    """The restored output and the committed offset speak of different moments."""


class TooManyBadRecords(TelemetryError):
    """The share of bad records passed its limit."""
