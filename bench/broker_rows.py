"""Web_logs rows of made-up sessions, encoded and published straight to Kafka.

The agents' own path is measured by ``python -m bench``; where the stages are measured alone,
rows come from here: as many sessions and as few rows of each as a measurement wants.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import WEB_LOGS
from pipeline.engine.stage import Block
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.publisher import Publisher

Numbers = npt.NDArray[np.int64]

_AGENT: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36"


class BrokerRows:
    """Rows by session number and event time; every row has an id of its own, from ``first`` on."""

    def __init__(self, schemas: Schemas, publisher: Publisher, first: int = 0) -> None:
        self._schema = schemas.named(WEB_LOGS.schema)
        self._encoder = BlockEncoder(schemas, publisher)
        self._next = first

    def blocks(self, sessions: Numbers, times: Numbers) -> Iterator[Block]:
        """Give one row per session number, ``times`` in microseconds, on their partitions."""
        yield from self._encoder.blocks(WEB_LOGS, self._frame(sessions, times))

    def _frame(self, sessions: Numbers, times: Numbers) -> pl.DataFrame:
        first, self._next = self._next, self._next + len(sessions)
        ids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(first, self._next)]
        courses = sessions % 997
        paths = [
            f"/courses/{course}/assignments/{s % 50_000}"
            for course, s in zip(courses, sessions, strict=True)
        ]
        columns: dict[str, object] = {
            "id": ids,
            "timestamp": times,
            "user_id": sessions % 300_000 + 1,
            "course_id": courses,
            "url": paths,
            "http_method": "GET",
            "http_status": pl.Series(np.full(len(sessions), 200, np.int32)),
            "http_version": "HTTP/1.1",
            "remote_ip": [
                f"10.{s >> 16 & 255}.{s >> 8 & 255}.{s & 255}" for s in sessions.tolist()
            ],
            "interaction_micros": pl.Series(np.full(len(sessions), 30_000, np.int32)),
            "web_application_controller": "assignments",
            "web_application_action": "show",
            "session_id": [f"{number + 1:032x}" for number in sessions.tolist()],
            "participated": False,
            "user_agent": _AGENT,
            "ingested_at": times,
            "source": "bench",
            "truncated": False,
        }
        given = pl.select(
            **{
                name: value
                if isinstance(value, pl.Series)
                else pl.Series(value)
                if not isinstance(value, str | bool)
                else pl.lit(value)
                for name, value in columns.items()
            }
        )
        return given.select(
            pl.col(field["name"]) if field["name"] in columns else _absent(field)
            for field in self._schema["fields"]
        )


def _absent(field: dict[str, object]) -> pl.Expr:
    """Return a column of nulls of the type that the schema names."""
    kinds = field["type"]
    assert isinstance(kinds, list)  # noqa: S101 - every column left out is nullable
    kind = kinds[1]["type"] if isinstance(kinds[1], dict) else kinds[1]
    types = {"long": pl.Int64, "int": pl.Int32, "string": pl.String, "boolean": pl.Boolean}
    return pl.lit(None, types[kind]).alias(str(field["name"]))
