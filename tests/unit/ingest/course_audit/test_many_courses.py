"""An instance of 100,000 courses: requests and held state follow accounts and changes alone."""

import gc
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.topics import INGEST_CURSORS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.course_audit.agent import in_an_hour
from pipeline.ingest.course_audit.seen import SeenEvents
from tests.support.canvas.audit_run import NOW, AuditRun, happened
from tests.support.canvas.audit_server import FakeCanvas, served
from tests.support.memory_publisher import MemoryPublisher

ROUNDS = 12
CHANGES = 400
"""In the quarter of an hour between two rounds."""
ACCOUNTS = 30
COURSES = 100_000


class WatchedPublisher(MemoryPublisher):
    """Sees with each transaction how many ids of events the agent holds."""

    def __init__(self) -> None:
        super().__init__()
        self.most_held = 0

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        held = [len(each) for each in gc.get_objects() if isinstance(each, SeenEvents)]
        self.most_held = max(self.most_held, *held)
        return await super().publish(blocks)


@dataclass
class Taken:
    """What an installation took, round by round."""

    audit: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    cursor_bytes: list[int] = field(default_factory=list)
    held_ids: list[int] = field(default_factory=list)


async def polled(courses: int) -> Taken:
    """Poll an account tree of so many courses; a third of the changes are the root account's."""
    rng = random.Random(1)
    parents = {1: None} | {number: rng.randrange(1, number) for number in range(2, ACCOUNTS + 1)}
    canvas = FakeCanvas(parents=parents, accounts_per_page=100, courses=set(range(courses)))
    taken = Taken()
    async with served(canvas):
        run = AuditRun(canvas)
        for turn in range(ROUNDS):
            run.later()
            for number in range(CHANGES * turn, CHANGES * (turn + 1)):
                account = 1 if rng.random() < 1 / 3 else rng.randrange(2, ACCOUNTS + 1)
                at = run.now - rng.randrange(15 * MINUTE)
                # Another draw for another number of courses would be another history.
                course = int(rng.random() * courses)
                canvas.add(happened(number, at, course=course, account=account))
            canvas.requests.clear()
            run.publisher = publisher = _watched(run.publisher)
            await run.round(since=NOW, overlap=15 * MINUTE)
            taken.audit.append(canvas.requests["audit"])
            taken.accounts.append(canvas.requests["accounts"])
            cursors = await publisher.read(INGEST_CURSORS.name)
            taken.cursor_bytes.append(sum(map(len, cursors.values())))
            taken.held_ids.append(publisher.most_held)
        assert run.ids == run.source()
    return taken


def _watched(before: MemoryPublisher) -> WatchedPublisher:
    publisher = WatchedPublisher()
    publisher.topics = before.topics
    return publisher


async def test_requests_and_held_state_do_not_grow_with_courses_or_with_time() -> None:
    few, many = await polled(100), await polled(COURSES)
    assert many.audit == few.audit
    # A page of events or the rest of one for every account, over the overlap and the new quarter.
    assert max(many.audit) <= ACCOUNTS + math.ceil(2 * CHANGES / 90)
    assert set(many.accounts) == {1 + math.ceil((ACCOUNTS - 1) / 100)}
    for large, small in ((many.cursor_bytes, few.cursor_bytes), (many.held_ids, few.held_ids)):
        assert max(large) < 1.1 * max(small)
        # What is forgotten is forgotten together, when there is twice as much as is needed.
        assert max(large[ROUNDS // 2 :]) < 1.2 * max(large[: ROUNDS // 2])


async def test_a_list_of_courses_takes_a_request_each_and_no_state() -> None:
    written = []
    for courses in (100, 1_000):
        canvas = FakeCanvas([happened(1, NOW - MINUTE, course=50)], courses=set(range(courses)))
        async with served(canvas):
            run = AuditRun(canvas)
            await run.round(courses=range(courses))
        assert canvas.requests["audit"] == courses
        cursors = await run.publisher.read(INGEST_CURSORS.name)
        written.append(sum(map(len, cursors.values())))
    assert written[1] < 1.1 * written[0]


def test_the_agent_says_how_long_a_round_over_100_000_courses_takes() -> None:
    options = AuditRun(FakeCanvas()).options(
        courses=range(COURSES), requests_per_hour=3_600, every=15 * MINUTE, overlap=HOUR
    )
    assert in_an_hour(options, COURSES) == (
        "3,600 requests an hour, of 3,600 allowed: 100,000 courses, each asked every 1,667 minutes"
    )
