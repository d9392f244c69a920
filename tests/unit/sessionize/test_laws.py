"""What holds for every input, however it is cut, ordered and interrupted."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import WEB_LOGS
from pipeline.sessionize.sessions import Sessions
from tests.support import strategies
from tests.support.event_rows import Row, event_batch
from tests.support.oracle import sessions_of
from tests.support.session_run import run_all
from tests.support.strategies import Step


@settings(max_examples=150, deadline=None)
@given(strategies.lists_of_rows(), strategies.rules, strategies.steps)
def test_any_cut_order_and_restart_gives_the_sessions_of_sort_and_split(
    rows: list[Row], rules: EventTimeRules, steps: list[Step]
) -> None:
    """Replaying what was published by identity and version yields exactly the oracle's set."""
    run = run_all(rows, rules, steps)
    assert run.current() == sessions_of(rows, rules)


@settings(max_examples=50, deadline=None)
@given(st.data(), strategies.lists_of_rows(), strategies.rules, strategies.steps)
def test_rows_in_another_order_give_the_same_sessions(
    data: st.DataObject, rows: list[Row], rules: EventTimeRules, steps: list[Step]
) -> None:
    other = data.draw(st.permutations(rows))
    assert run_all(rows, rules, steps).current() == run_all(other, rules, []).current()


@settings(max_examples=100, deadline=None)
@given(strategies.lists_of_rows(), strategies.rules, strategies.steps)
def test_packing_after_every_publication_changes_no_record_and_no_offset_that_a_restore_needs(
    rows: list[Row], rules: EventTimeRules, steps: list[Step]
) -> None:
    packed, unpacked = (run_all(rows, rules, steps, pack_from=least) for least in (0, 1 << 40))
    assert packed.current() == unpacked.current() == sessions_of(rows, rules)
    assert packed.version == unpacked.version
    assert packed.oldest == unpacked.oldest
    assert packed.sessions._store.capacity == 1 << 10


@settings(max_examples=50, deadline=None)
@given(strategies.lists_of_rows(), strategies.rules, strategies.steps)
def test_an_identity_never_comes_back_after_final_or_withdrawn(
    rows: list[Row], rules: EventTimeRules, steps: list[Step]
) -> None:
    gone = set()
    for frame in run_all(rows, rules, steps).output:
        for record in frame.to_dicts():
            identity = record["session_id"], record["start"]
            assert identity not in gone
            if record["status"] in ("final", "withdrawn"):
                gone.add(identity)


@settings(max_examples=50, deadline=None)
@given(strategies.lists_of_rows(), strategies.rules, strategies.steps)
def test_nothing_is_left_when_everything_is_final(
    rows: list[Row], rules: EventTimeRules, steps: list[Step]
) -> None:
    sessions = run_all(rows, rules, steps).sessions
    assert sessions.open == 0
    assert not sessions.pending()
    assert sessions.oldest_output() is None
    assert len(sessions._sets.texts) == 0
    assert sessions._chains.index.size == 0


def test_rows_without_a_session_are_passed_over() -> None:
    batch = event_batch([Row(session=1, time=10**15), Row(session=2, time=10**15, key=2)])
    with_session = pl.Series([False, True])
    batch = batch.with_columns(
        pl.when(with_session).then("session_id").alias("session_id"),
        pl.when(with_session).then("session_hi").otherwise(0).alias("session_hi"),
        pl.when(with_session).then("session_lo").otherwise(0).alias("session_lo"),
    )
    sessions = Sessions(EventTimeRules())
    sessions.add(WEB_LOGS, batch)
    assert sessions.take(1)["session_id"].to_list() == [f"{2:032x}"]
