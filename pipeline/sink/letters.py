"""Dead letters as operators choose them: by identity, source, feed, reason, time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

from pipeline.sink.client import our_errors
from pipeline.sink.queries import query

_COLUMNS: Final = (
    "letter",
    "source",
    "feed",
    "location",
    "reason",
    "detail",
    "payload",
    "payload_length",
    "cut",
    "happened_at",
)


class Letter(NamedTuple):
    """A dead letter with its identity; ``action`` is what was done with it, blank for nothing."""

    letter: str
    source: str
    feed: str
    location: str
    reason: str
    detail: str
    payload: bytes
    payload_length: int
    cut: bool
    happened_at: datetime
    action: str


class Choice(NamedTuple):
    """Which letters: all conditions hold together, none of them means all.

    ``source`` is the beginning of one, ``letters`` are beginnings of identities; ``since`` is
    included, ``until`` is not.
    """

    letters: tuple[str, ...] = ()
    source: str | None = None
    feed: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    done: bool = False

    @property
    def conditions(self) -> tuple[str, dict[str, Any]]:
        """Return a condition in SQL and its parameters."""
        parts, values = [], {}
        texts = {
            "source": "startsWith(toString(source), {source:String})",
            "feed": "feed = {feed:String}",
            "reason": "reason = {reason:String}",
            "since": "happened_at >= {since:DateTime64(6, 'UTC')}",
            "until": "happened_at < {until:DateTime64(6, 'UTC')}",
        }
        for name, text in texts.items():
            if (value := getattr(self, name)) is not None:
                parts.append(text)
                values[name] = value
        if self.letters:
            parts.append("arrayExists(one -> startsWith(letter, one), {letters:Array(String)})")
            values["letters"] = list(self.letters)
        if not self.done:
            parts.append("letter NOT IN (SELECT letter FROM dead_letter_actions)")
        return " AND ".join(parts) or "true", values


def count_letters(client: Client, choice: Choice) -> int:
    """Return how many letters are chosen. Raises Unavailable, OurMistake."""
    conditions, values = choice.conditions
    statement = f"SELECT count() FROM dead_letters_by_id WHERE {conditions}"  # noqa: S608 - ours
    ((count,),) = query(client, statement, values).rows
    return int(count)


def letters(client: Client, choice: Choice, limit: int | None = None) -> Iterator[Letter]:
    """Give the chosen letters, oldest first, in blocks from the server; memory is one block.

    Raises Unavailable, OurMistake.
    """
    conditions, values = choice.conditions
    columns = ", ".join(_COLUMNS)
    statement = (
        f"SELECT {columns}, toString(action) FROM dead_letters_by_id"  # noqa: S608 - ours
        " LEFT JOIN (SELECT letter AS done, action FROM dead_letter_actions) AS actions"
        " ON letter = actions.done"
        f" WHERE {conditions} ORDER BY happened_at, letter"
        + ("" if limit is None else f" LIMIT {int(limit)}")
    )
    with our_errors("reading the dead letters"):
        stream = client.query_rows_stream(
            statement, parameters=values, tz_mode="aware", column_formats={"payload": "bytes"}
        )
    with our_errors("reading the dead letters"), stream:
        for row in stream:
            yield Letter(*row)
