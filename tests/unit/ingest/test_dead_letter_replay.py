"""A dead letter is replayed or discarded once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.course_audit import PageOrigin, read_audit_page
from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.live_event_rows import location_with_name, name_given_at
from pipeline.codecs.web_log_rows import Origin
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.event_time import HOUR
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS
from pipeline.domain.topics import COURSE_AUDIT as AUDIT_TOPIC
from pipeline.domain.topics import DEAD_LETTER_ACTIONS, ERASURES
from pipeline.domain.topics import LIVE_EVENTS as LIVE_TOPIC
from pipeline.domain.topics import WEB_LOGS as WEB_LOGS_TOPIC
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.content import Content
from pipeline.ingest.dead_letter_replay import DeadLetter, DeadLetterDesk
from pipeline.ingest.formats import web_log_format
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.audit_run import happened
from tests.support.canvas.audit_server import document, rendered
from tests.support.canvas.dap_formats import exported
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, delete, event_at, row_at

SCHEMAS = project_schemas()


def payload(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def letter(number: int, feed: str, value: Any, **more: Any) -> DeadLetter:
    source = {WEB_LOGS: "web-logs-files:a", LIVE_EVENTS: "live-events-http"}.get(feed, "agent")
    given_ = DeadLetter(f"{number:032x}", source, feed, f"a:{number}", payload(value), cut=False)
    return given_._replace(**more)


@dataclass(eq=False)
class OneOfSeveral:
    """A publisher of one transactional id; the last of them that started may publish."""

    log: MemoryPublisher
    started: "list[OneOfSeveral]" = field(default_factory=list)

    async def start(self) -> None:
        self.started.append(self)

    def partitions(self, topic: str) -> int:
        return self.log.partitions(topic)

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        assert self in self.started
        if self.started[-1] is not self:
            raise Fenced
        return await self.log.publish(blocks)


def desk(log: MemoryPublisher) -> DeadLetterDesk:
    return DeadLetterDesk(OneOfSeveral(log), log, SCHEMAS, lambda: NOW)


def early(number: int) -> bytes:
    """An audit event that was dated in the future when it was read."""
    event = happened(number, NOW, account=7)
    page = read_audit_page(
        json.dumps(document([event])).encode(), PageOrigin("accounts/7", NOW - 10**11)
    )
    return page.bad[0].record.payload


async def test_letters_of_every_feed_are_published_by_todays_codecs_and_written_down() -> None:
    publisher = MemoryPublisher()
    totals = await desk(publisher).replay(
        [
            letter(1, WEB_LOGS, row_at(1)),
            letter(2, WEB_LOGS, delete()),
            letter(3, LIVE_EVENTS, event_at(3)),
            letter(4, COURSE_AUDIT, early(4), location="accounts/7#x"),
        ]
    )
    assert (totals.done, totals.rows, totals.before, totals.left) == (4, 4, 0, {})
    for topic in (WEB_LOGS_TOPIC, ERASURES, LIVE_TOPIC, AUDIT_TOPIC):
        (record,) = publisher.records(topic.name, SCHEMAS)
        assert record["ingested_at"] == NOW
    (audit,) = publisher.records(AUDIT_TOPIC.name, SCHEMAS)
    assert (audit["id"], audit["account_id"]) == (rendered(happened(4, NOW))["id"], 7)
    actions = publisher.records(DEAD_LETTER_ACTIONS.name, SCHEMAS)
    assert [(one["letter"], one["action"], one["rows"]) for one in actions] == [
        (f"{number:032x}", "replayed", 1) for number in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
async def test_a_dead_row_of_a_table_is_replayed_as_the_row_of_the_same_line(
    kind: str, tmp_path: Path
) -> None:
    """The row was dated in the future when the file was read; it has a secret, commas, quotes."""
    rows = [row_at(at, url=f'/x?access_token=S3cr3t,"{at}"', user_agent="a,\tb") for at in range(3)]
    published = []
    for name in ("jsonl", kind):
        path = tmp_path / f"a.{name}"
        path.write_bytes(exported(rows, name, packed=False))
        origin = Origin("a", NOW - 48 * HOUR)
        bad = [
            each
            for logs in web_log_format(path).read(Content(path, "a"), origin)
            for _, each in logs.bad
        ]
        kept = dead_letters(bad, source="web-logs-files:a", feed=WEB_LOGS, happened_at=NOW)
        publisher = MemoryPublisher()
        letters = [
            letter(number, WEB_LOGS, payload) for number, payload in enumerate(kept["payload"])
        ]
        assert (await desk(publisher).replay(letters)).done == 3
        found = publisher.records(WEB_LOGS_TOPIC.name, SCHEMAS)
        published.append(sorted(({**each, "source_ref": None} for each in found), key=str))
    assert published[0] == published[1]
    assert "S3cr3t" not in repr(published)


async def test_a_record_kept_behind_its_header_is_read_by_it() -> None:
    publisher = MemoryPublisher()
    head, good = exported([row_at(1)], "csv", packed=False).split(b"\n")[:2]
    totals = await desk(publisher).replay(
        [letter(1, WEB_LOGS, head + b"\n" + good), letter(2, WEB_LOGS, head + b"\n" + good + b",")]
    )
    assert totals.done == len(publisher.records(WEB_LOGS_TOPIC.name, SCHEMAS)) == 1
    assert [why.startswith("the record is no row of") for why in totals.left] == [True]


@given(
    st.sampled_from(["user_created", "a_created", "x.Y_1"]), st.sampled_from(["", "[0]", "[17]"])
)
async def test_the_name_that_the_delivery_gave_counts_in_a_replay_too(name: str, item: str) -> None:
    event = event_at(1)
    del event["metadata"]["event_name"]
    at = location_with_name("5b1c-77", name) + item
    publisher = MemoryPublisher()
    await desk(publisher).replay([letter(1, LIVE_EVENTS, event, location=at)])
    (record,) = publisher.records(LIVE_TOPIC.name, SCHEMAS)
    assert record["event_name"] == name


@pytest.mark.parametrize("location", ["a.json:7", "a.json#7", "a#b.json:7", "5b1c-77", ""])
def test_a_place_in_a_file_gives_no_name(location: str) -> None:
    assert name_given_at(location) is None


@pytest.mark.parametrize("name", [None, "", "a b", "7", "a#b", "x" * 101])
def test_a_name_that_is_no_word_is_left_out_of_the_location(name: str | None) -> None:
    assert location_with_name("5b1c-77", name) == "5b1c-77"


async def test_what_todays_codecs_cannot_read_stays_dead_and_says_why() -> None:
    publisher = MemoryPublisher()
    totals = await desk(publisher).replay(
        [
            letter(1, WEB_LOGS, b"{"),
            letter(2, LIVE_EVENTS, b"[]"),
            letter(3, COURSE_AUDIT, b"\0\0\0\0\1avro"),
            letter(4, WEB_LOGS, row_at(1), cut=True),
            letter(5, "sessions", b"x"),
        ]
    )
    assert (totals.done, sum(totals.left.values())) == (0, 5)
    assert "it was cut: what is left of it is no record" in totals.left
    assert publisher.calls == 0


async def test_a_second_replay_and_a_replay_after_a_discard_do_nothing() -> None:
    publisher = MemoryPublisher()
    both = [letter(1, WEB_LOGS, row_at(1)), letter(2, WEB_LOGS, row_at(2))]
    assert (await desk(publisher).discard(both[:1])).done == 1
    assert (await desk(publisher).replay(both)).done == 1
    again = await desk(publisher).replay([*both, *both])
    assert (again.done, again.before) == (0, 4)
    assert len(publisher.records(WEB_LOGS_TOPIC.name, SCHEMAS)) == 1


async def test_a_dry_run_publishes_nothing() -> None:
    publisher = MemoryPublisher()
    totals = await desk(publisher).replay([letter(1, WEB_LOGS, row_at(1))], dry_run=True)
    assert (totals.done, totals.rows, publisher.calls) == (1, 1, 0)


async def test_a_replay_fences_the_one_that_runs_and_a_dry_run_does_not() -> None:
    log = MemoryPublisher()
    running = OneOfSeveral(log)
    await running.start()
    other = replace(desk(log), publisher=OneOfSeveral(log, running.started))
    for act in (other.replay, other.discard):
        await act([letter(1, WEB_LOGS, row_at(1))], dry_run=True)
        await running.publish([])
    await other.replay([letter(1, WEB_LOGS, row_at(1))])
    with pytest.raises(Fenced):
        await running.publish([])


@settings(max_examples=10)
@given(before=st.sets(st.integers(1, 6)), after=st.sets(st.integers(1, 6)))
async def test_replays_cut_off_anywhere_publish_each_letter_once(
    before: set[int], after: set[int]
) -> None:
    publisher = MemoryPublisher()
    publisher.fail_before, publisher.fail_after = before, after
    letters = [letter(number, WEB_LOGS, row_at(number)) for number in range(9)]
    while True:
        try:
            await replace(desk(publisher), at_once=2).replay(letters)
            break
        except Unavailable:
            continue
    ids = [row["id"] for row in publisher.records(WEB_LOGS_TOPIC.name, SCHEMAS)]
    assert len(ids) == len(set(ids)) == 9
