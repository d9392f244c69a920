"""Structured logs on stderr: quiet, no payload, no personal data."""

import logging
import sys

import structlog

from pipeline.app.settings import Settings
from pipeline.kafka.library_logs import quieten_libraries


class _Libraries(logging.Handler):
    """Brings what libraries log into our format, one step milder: what matters we raise."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        say = log.warning if record.levelno >= logging.ERROR else log.info
        say("library", message=record.getMessage())


def set_up_logs(settings: Settings) -> None:
    """Send every log line of this process, libraries included, through one format."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, settings.log_level.upper())
        ),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)
    quieten_libraries()
