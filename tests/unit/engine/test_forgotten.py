"""A restore leaves people out whom an erasure says to forget (semantics rule 22)."""

from typing import Any

from pipeline.codecs.erasures import PERSON, REQUEST
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.topics import ERASURES
from tests.support.task_line import TaskLine
from tests.support.task_rows import IDS, T

PERSON_ID, ADMIN_ID = 4711, 12


def order(line: TaskLine, subject: str, kind: str = PERSON) -> None:
    row = {"kind": kind, "subject": subject, "requested_at": T, "ingested_at": T, "source": "test"}
    line.kafka.write(ERASURES.name, 0, [row])


def line_of_both() -> TaskLine:
    """A session of the person; one of somebody who acted as them, and as nobody's 99."""
    line = TaskLine()
    line.web(T, T + MINUTE, session=IDS[0], user_id=PERSON_ID)
    line.web(T, session=IDS[1], user_id=ADMIN_ID)
    line.web(T + MINUTE, session=IDS[1], user_id=PERSON_ID, real_user_id=ADMIN_ID)
    line.web(T + 2 * MINUTE, session=IDS[1], user_id=99, real_user_id=ADMIN_ID)
    return line


def closed(line: TaskLine) -> list[dict[str, Any]]:
    """Return what is published once everything is final, in an order of its own."""
    published = line.mark(line.rules.closing(T + 12 * HOUR))
    rows = [{name: row[name] for name in row if name != "_offset"} for row in published]
    return sorted(rows, key=lambda row: str(row["session_id"]))


def test_open_sessions_of_a_forgotten_person_are_not_restored() -> None:
    line = line_of_both()
    order(line, str(PERSON_ID))
    line.host.crash()
    assert line.task.open_sessions == 1
    (kept,) = closed(line)
    assert kept["session_id"] == IDS[1]


def test_sessions_of_others_lose_the_forgotten_person_alone() -> None:
    line = line_of_both()
    order(line, str(PERSON_ID))
    line.host.crash()
    (kept,) = closed(line)
    assert sorted(kept["users"]) == [ADMIN_ID, 99]
    assert kept["masquerade_targets"] == [99]
    assert (kept["requests"], kept["actor"]) == (3, ADMIN_ID)


def test_an_older_record_without_the_person_does_not_bring_the_session_back() -> None:
    line = TaskLine()
    line.web(T, session=IDS[0])
    line.web(T + MINUTE, session=IDS[0], user_id=PERSON_ID)
    order(line, str(PERSON_ID))
    line.host.crash()
    assert line.task.open_sessions == 0


def test_erased_requests_and_other_people_change_nothing() -> None:
    line, undisturbed = line_of_both(), line_of_both()
    order(line, str(PERSON_ID + 1))
    order(line, "somebody")
    order(line, "0b1c3f5e-0000-4000-8000-000000000001", REQUEST)
    line.host.crash()
    assert closed(line) == closed(undisturbed)
