"""Lost rows are accepted as far as erasures account for them, and no further (rules 22 and 28)."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.app.missing_rows import MissingRows
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.engine.changes import LOSS
from pipeline.engine.recompute import Span
from pipeline.sink.recorded import Erasures
from tests.support.memory_line import RULES, MemoryLine
from tests.support.past import Past
from tests.support.task_rows import IDS, T, live_event, web_log

DAY = Span(T, T + 24 * HOUR)
NOW = T + 100 * 24 * HOUR


def losses(*rows: tuple[str, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LOSS, orient="row")


NONE = losses()
ONE = losses(("a", 5, 4, 1))


def test_nothing_lost_is_accepted_whatever_was_erased_and_however_old_it_is() -> None:
    MissingRows(Erasures(0, 0), 1).judge(DAY, NONE, NONE, NOW)


def test_rows_that_nobody_erased_are_refused_with_a_sentence_for_each_session() -> None:
    missing = MissingRows(Erasures(0, 0), None)
    two = losses(("a", 5, 4, 1), ("b", 1_000, 0, 7))
    with pytest.raises(OurMistake, match="nothing was erased") as caught:
        missing.judge(DAY, two, losses(("web_logs of then", 2, 1, 1)), NOW)
    for sentence in (
        "Session a would have 4 of its 5 rows.",
        "Session b would have 0 of its 1,000 rows.",
        "Minute web_logs of then would have 1 of its 2 rows.",
    ):
        assert sentence in str(caught.value)


def test_of_many_losses_a_few_are_named_and_the_others_counted() -> None:
    many = losses(*((f"s{n}", 2, 1, 1) for n in range(20)))
    with pytest.raises(OurMistake, match=r"15 more would lose rows\.$"):
        MissingRows(Erasures(0, 0), None).judge(DAY, many, NONE, NOW)


def test_rows_that_may_have_expired_are_refused_although_something_was_erased() -> None:
    missing = MissingRows(Erasures(1, 0), 99)
    with pytest.raises(OurMistake, match="kept for 99 days"):
        missing.judge(DAY, ONE, NONE, NOW)
    MissingRows(Erasures(1, 0), 100).judge(DAY, ONE, NONE, NOW)
    MissingRows(Erasures(1, 0), None).judge(DAY, ONE, NONE, NOW)


def test_the_days_of_a_run_share_what_erasures_account_for() -> None:
    missing = MissingRows(Erasures(2, 0), None)
    missing.judge(DAY, ONE, NONE, NOW)
    missing.judge(DAY, ONE, NONE, NOW)
    with pytest.raises(OurMistake, match="2 erased requests do not account"):
        missing.judge(DAY, ONE, NONE, NOW)


def test_rows_of_an_erased_person_may_be_missing_in_minutes_and_in_no_session_of_others() -> None:
    missing = MissingRows(Erasures(0, 1), None)
    missing.judge(DAY, NONE, losses(("web_logs of then", 9, 3, 6)), NOW)
    with pytest.raises(OurMistake, match="0 erased requests do not account"):
        missing.judge(DAY, ONE, NONE, NOW)


rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 90), st.sampled_from(IDS)), min_size=1, max_size=20
)


@settings(max_examples=40)
@given(rows, st.data())
def test_rule_22_erased_requests_are_never_refused_and_one_row_more_is(
    rows: list[tuple[bool, int, str]], data: st.DataObject
) -> None:
    """Requests, their Live Events, and any of a session's rows among them, the first too."""
    line = MemoryLine()
    for number, (with_event, minute, session) in enumerate(rows):
        line.write(web_log(number, T + minute * MINUTE, session_id=session))
        if with_event:
            event = live_event(number, T + minute * MINUTE, session_id=session)
            line.write(event)
    line.mark(T + 2000 * HOUR)
    numbers = data.draw(st.permutations(range(len(rows))))
    count = data.draw(st.integers(0, len(rows) - 1))
    erased, missing = set(numbers[:count]), numbers[count]
    MissingRows(Erasures(count, 0), None).judge(DAY, *_losses(line, erased), NOW)
    with pytest.raises(OurMistake):
        MissingRows(Erasures(count, 0), None).judge(DAY, *_losses(line, erased | {missing}), NOW)


def _losses(line: MemoryLine, gone: set[int]) -> list[pl.DataFrame]:
    """Return what a recomputation without these requests and their events would lose."""
    past = Past(line.kafka, RULES)
    whole = past.rows
    past.rows = lambda feed: _without(whole(feed), gone)  # type: ignore[method-assign]
    return [each.losses for each in past.compared(line.limit).values()]


def _without(frame: pl.DataFrame, gone: set[int]) -> pl.DataFrame:
    key = "id" if "id" in frame.columns else "event_key"
    numbers = frame[key].str.replace_all("-", "").str.to_integer(base=16)
    own = numbers if key == "id" else numbers - 1000
    return frame.filter(~own.is_in(list(gone)))
