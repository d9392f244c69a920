"""What is published, and what a restore needs of it."""

import json
from collections import deque
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.domain.event_time import HOUR, MICROS, EventTimeRules
from pipeline.domain.feeds import WEB_LOGS
from pipeline.sessionize.sessions import Sessions
from tests.support.event_rows import Row, event_batch
from tests.support.session_run import SessionRun

RULES = EventTimeRules(allowed_lateness=HOUR)
NOON = 1_700_049_600 * MICROS
SCHEMA = Path(__file__).parents[3] / "schemas" / "avro" / "session.avsc"
TYPES = {"long": pl.Int64, "string": pl.String, "boolean": pl.Boolean}


def rows(*sessions: int, time: int = NOON) -> list[Row]:
    return [Row(session=session, time=time, key=session, path="/") for session in sessions]


def polars_type(avro: object) -> object:
    if isinstance(avro, list):
        return polars_type(avro[1])
    if isinstance(avro, dict):
        return pl.List(TYPES[avro["items"]]) if avro["type"] == "array" else TYPES[avro["type"]]
    return TYPES[str(avro)]


def test_records_have_the_columns_of_the_schema_in_its_order() -> None:
    fields = json.loads(SCHEMA.read_text())["fields"]
    sessions = Sessions(RULES)
    for frame in (sessions.take(1), _one(sessions)):
        assert dict(frame.schema) == {each["name"]: polars_type(each["type"]) for each in fields}
        assert frame.columns == [each["name"] for each in fields]
        for each in fields:
            if not isinstance(each["type"], list):
                assert frame[each["name"]].null_count() == 0


def _one(sessions: Sessions) -> pl.DataFrame:
    sessions.add(WEB_LOGS, event_batch(rows(1)))
    return sessions.take(2)


def test_nothing_unchanged_is_published_again() -> None:
    run = SessionRun(RULES)
    run.add(rows(1, 2))
    assert len(run.take()) == 2
    assert run.take() == []
    run.add(rows(2, time=NOON + 1))
    assert [record["session_id"] for record in run.take()] == [f"{2:032x}"]


def test_the_oldest_output_is_that_of_the_session_published_longest_ago() -> None:
    sessions = Sessions(RULES)
    assert sessions.oldest_output() is None
    sessions.add(WEB_LOGS, event_batch(rows(1, 2, 3)))
    order = sessions.take(1)["session_id"].to_list()
    assert sessions.oldest_output() == 0
    sessions.delivered(100)
    assert sessions.oldest_output() == 100
    sessions.add(WEB_LOGS, event_batch(rows(int(order[0], 16), time=NOON + 1)))
    sessions.take(2)
    assert sessions.oldest_output() == 101
    sessions.delivered(110)
    sessions.add(WEB_LOGS, event_batch(rows(int(order[1], 16), int(order[2], 16), time=NOON + 1)))
    sessions.take(3)
    assert sessions.oldest_output() == 110


def test_with_everything_in_the_last_take_a_restore_needs_only_what_follows() -> None:
    sessions = Sessions(RULES)
    sessions.add(WEB_LOGS, event_batch(rows(1)))
    sessions.take(1)
    sessions.delivered(5)
    sessions.add(WEB_LOGS, event_batch(rows(1, time=NOON + 1)))
    sessions.take(2)
    assert sessions.oldest_output() == 6


def test_quiet_sessions_are_published_again_so_that_they_hold_nothing_back() -> None:
    run = SessionRun(RULES)
    run.add(rows(1, 2, 3))
    run.take()
    for i in range(1, 6):
        run.add(rows(3, time=NOON + i))
        run.take()
    run.sessions.republish(run.next_offset - 2)
    assert {int(record["session_id"], 16) for record in run.take()} == {1, 2}
    assert run.sessions.oldest_output() == run.next_offset - 4
    run.sessions.republish(0)
    assert not run.sessions.pending()


def test_a_closed_session_that_is_restored_is_not_published_again() -> None:
    run = SessionRun(RULES)
    run.add(rows(1))
    run.advance(NOON, fastest=NOON + HOUR)
    run.take()
    run.restart()
    assert run.sessions.open == 1
    assert not run.sessions.pending()


def test_restoring_takes_the_highest_version_of_each_identity() -> None:
    run = SessionRun(RULES)
    run.add(rows(1))
    run.take()
    run.add(rows(1, time=NOON + 1))
    run.take()
    everything = pl.concat(run.output)
    for chunk in (1, 2):
        restored = Sessions(RULES)
        for part in everything.iter_slices(chunk):
            restored.restore(part)
        assert restored.open == 1
        restored.republish(100)
        assert restored.take(9)["revision"].to_list() == [2]
    stale_last = Sessions(RULES)
    stale_last.restore(everything.filter(pl.col("version") == 2))
    stale_last.restore(everything.filter(pl.col("version") == 1))
    stale_last.republish(100)
    assert stale_last.take(9)["revision"].to_list() == [2]


def test_after_a_flood_memory_is_that_of_the_sessions_that_are_left() -> None:
    """Of sixty thousand sessions all but five hundred become final; those go on as ever."""
    count, left, later = 60_000, 500, 12 * HOUR
    run = SessionRun(RULES)
    for first in range(0, count, 10_000):
        numbers = range(first, first + 10_000)
        run.add([Row(n, NOON + n, ip=f"{n}", path=f"/{n}", user=n, course=n) for n in numbers])
        run.take()
    kept = range(0, count, count // left)
    run.add([Row(n, NOON + later + n, key=1, path=f"/{n}/2") for n in kept])
    run.take()
    sizes = [array.nbytes for array in held_arrays(run.sessions)]
    run.advance(NOON + later)
    run.take()
    assert run.sessions.open == left
    after = [array.nbytes for array in held_arrays(run.sessions)]
    assert max(after) < 1 << 20
    assert sum(after) < sum(sizes) / 15
    run.close(NOON + later + count)
    run.take()
    shown = run.current()
    assert len(shown) == count + left
    assert {each["status"] for each in shown.values()} == {"final"}
    paths = {each["exit_path"] for (_, start), each in shown.items() if start >= NOON + later}
    assert paths == {f"/{n}/2" for n in kept}


def held_arrays(sessions: Sessions) -> list[np.ndarray]:
    """Return the arrays of a state, wherever its objects hold them."""
    found: dict[int, np.ndarray] = {}
    left: list[object] = [sessions]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            found[id(each)] = each
        elif isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list | tuple | deque):
            left += each
        elif type(each).__module__.startswith("pipeline.sessionize"):
            left += vars(each).values()
    return list(found.values())


def test_state_is_proportional_to_live_sessions() -> None:
    """A hundred thousand sessions one after the other need room for those live at once."""
    sessions = Sessions(RULES)
    for i in range(100):
        now = NOON + i * 4 * HOUR
        batch = [Row(i * 1000 + j, now + j, ip=f"{i}.{j}", path=f"/{i}/{j}") for j in range(1000)]
        sessions.add(WEB_LOGS, event_batch(batch))
        sessions.advance({WEB_LOGS: now}, now)
        sessions.take(i)
        sessions.delivered(i * 10_000)
        assert sessions.open <= 2000
    assert len(sessions._store.rows) <= 4096
    assert len(sessions._sets.texts) <= 2000
    assert sessions._ledger.entries <= 4000
