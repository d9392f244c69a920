"""One partition's sessionize task over topics in memory: tests say rows, marks and times."""

from collections.abc import Iterable
from itertools import count
from typing import Any, NamedTuple

from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import LATE, REQUEST_DELTAS, SESSIONS
from pipeline.engine.sessionize_task import INPUTS, SessionizeTask
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.task_rows import IDS, course_audit, feed_of, live_event, mark, web_log

SESSION_COLUMNS = [field["name"] for field in SCHEMAS.named(SESSIONS.schema)["fields"]]
TOPIC = {feed: topic.name for feed, topic in INPUTS.items()}


class Shown(NamedTuple):
    """What a table that keeps the highest version shows of a session."""

    start: int
    end: int
    status: str


class TaskLine:
    """Every call publishes, lets the task read and commits; with ``restarts`` it crashes then."""

    def __init__(
        self,
        rules: EventTimeRules | None = None,
        *,
        partition: int = 0,
        restarts: bool = False,
    ) -> None:
        self.rules = rules or EventTimeRules()
        self.kafka = MemoryKafka()
        self.host = MemoryHost(
            self.kafka, lambda: SessionizeTask(partition, self.rules, SCHEMAS), partition
        )
        self._partition = partition
        self._restarts = restarts
        self._numbers = count(1)
        self._seen = 0

    @property
    def task(self) -> SessionizeTask:
        assert isinstance(self.host.task, SessionizeTask)
        return self.host.task

    def web(self, *times: int, session: str | None = IDS[0], **more: Any) -> list[dict[str, Any]]:
        """Publish requests of a session as one chunk; return what was published of sessions."""
        return self.write(
            web_log(next(self._numbers), time, session_id=session, **more) for time in times
        )

    def live(self, *times: int, session: str | None = IDS[0], **more: Any) -> list[dict[str, Any]]:
        """Publish Live Events of a session as one chunk; return what was published of sessions."""
        return self.write(
            live_event(next(self._numbers), time, session_id=session, **more) for time in times
        )

    def audit(self, *times: int, **more: Any) -> list[dict[str, Any]]:
        """Publish audit events as one chunk; return what was published of sessions."""
        return self.write(course_audit(next(self._numbers), time, **more) for time in times)

    def write(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Publish rows to the topics of their feeds, a chunk each."""
        rows = list(rows)
        for feed, topic in TOPIC.items():
            own = [row for row in rows if feed_of(row) == feed]
            if own:
                self.kafka.write(topic, self._partition, own)
        return self.commit()

    def mark(self, at: int | None = None, **each: int) -> list[dict[str, Any]]:
        """Publish a mark of every feed, or of those named."""
        marks: dict[Feed, int] = dict.fromkeys(self.rules.feeds, at) if at is not None else {}
        marks |= each  # type: ignore[arg-type]
        for feed, instant in marks.items():
            self.kafka.publish(mark(feed, instant, self._partition))
        return self.commit()

    def tick(self, now: int) -> list[dict[str, Any]]:
        """Pass the wall clock."""
        self.task.tick(now)
        return self.commit()

    def commit(self) -> list[dict[str, Any]]:
        """Let the task read everything and commit; return the session records of that."""
        self.host.finish()
        if self._restarts:
            self.host.crash()
        start, self._seen = self._seen, self.kafka.end(SESSIONS.name, self._partition)
        chunk = self.kafka.chunk(SESSIONS.name, self._partition, start, self._seen)
        return chunk.decode(SCHEMAS, SESSIONS.schema, SESSION_COLUMNS).frame.to_dicts()

    def close(self, largest: int) -> None:
        """End the data (semantics rule 18)."""
        self.mark(self.rules.closing(largest))

    def records(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the latest record of every identity that was not withdrawn."""
        latest: dict[tuple[str, int], dict[str, Any]] = {}
        for record in self.kafka.rows(SESSIONS.name):
            key = record["session_id"], record["start"]
            assert key not in latest or record["version"] > latest[key]["version"]
            latest[key] = record
        return {key: each for key, each in latest.items() if each["status"] != "withdrawn"}

    def shown(self, session: str = IDS[0]) -> list[Shown]:
        """Return the sessions of an id in order of their starts."""
        found = [each for (own, _), each in self.records().items() if own == session]
        return sorted(Shown(each["start"], each["end"], each["status"]) for each in found)

    def spans(self, session: str = IDS[0]) -> list[tuple[int, int]]:
        """Return start and end of the sessions of an id."""
        return [(each.start, each.end) for each in self.shown(session)]

    def statuses(self, session: str = IDS[0]) -> list[str]:
        """Return the statuses of the sessions of an id."""
        return [each.status for each in self.shown(session)]

    def late(self) -> list[dict[str, Any]]:
        """Return the late rows."""
        return self.kafka.rows(LATE.name)

    def deltas(self, dimension: str = "all") -> list[dict[str, Any]]:
        """Return the request deltas of a dimension."""
        rows = self.kafka.rows(REQUEST_DELTAS.name)
        return [row for row in rows if row["dimension"] == dimension]
