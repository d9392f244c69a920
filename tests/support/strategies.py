"""Hypothesis strategies: rows of few sessions at times where the rules bite, and their cuts."""

from typing import NamedTuple

from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MICROS, MINUTE, EventTimeRules
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from tests.support.event_rows import Row

GAP = 30 * MINUTE
DST_NIGHT = 1_711_846_800 * MICROS
"""2024-03-31 01:00 UTC: clocks in Berlin go from 02:00 to 03:00; the day starts at 02:00 UTC."""
ORDINARY_NIGHT = 1_700_000_000 * MICROS

rules = st.sampled_from(
    [
        EventTimeRules(allowed_lateness=HOUR),
        EventTimeRules(allowed_lateness=HOUR, time_zone="Europe/Berlin"),
        EventTimeRules(allowed_lateness=0, time_zone="America/New_York"),
        EventTimeRules(gap=MINUTE, allowed_lateness=5 * MINUTE),
    ]
)


def texts(*some: str) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(some)


def numbers(*some: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.sampled_from(some)


@st.composite
def times(draw: st.DrawFn) -> int:
    """A time near a multiple of the gap around a night, or any in two days."""
    base = draw(st.sampled_from([DST_NIGHT, ORDINARY_NIGHT]))
    if draw(st.booleans()):
        return base + draw(st.integers(0, 6)) * GAP + draw(st.integers(-2, 2))
    return base + draw(st.integers(-24 * HOUR, 24 * HOUR))


@st.composite
def lists_of_rows(draw: st.DrawFn, max_size: int = 40) -> list[Row]:
    """Rows with distinct keys and offsets, in any order."""
    row = st.builds(
        Row,
        session=st.sampled_from([5, 7 << 64, (1 << 128) - 1]),
        time=times(),
        feed=st.sampled_from([WEB_LOGS, LIVE_EVENTS]),
        status=st.sampled_from([-1, 0, 99, 100, 200, 304, 404, 499, 500, 599, 600, 999]),
        duration=st.integers(0, 10**7),
        write=st.booleans(),
        participated=st.booleans(),
        page=st.booleans(),
        masqueraded=st.booleans(),
        actor=numbers(1, 2, 10**13 + 3),
        user=numbers(1, 2, -0x61C8864680B583EB, 10**13 + 3),
        course=numbers(0, 1, 2, 3, -5),
        developer_key=numbers(9, 10),
        controller=texts("files", "a_rather_long_controller_name", ""),
        ip=texts("10.0.0.1", "2001:db8::1", "files"),
        user_agent=texts("Mozilla/5.0", "curl", "ü"),
        path=texts("/", "/courses/1", "/courses/1/pages/ü"),
        login=st.sampled_from([0, 0, 0, 1, 2]),
    )
    rows = draw(st.lists(row, min_size=1, max_size=max_size))
    keys = draw(st.permutations(range(len(rows))))
    return [
        each._replace(key=(key << 64) + (1 << 127) * (key % 2) + key, offset=i)
        for i, (each, key) in enumerate(zip(rows, keys, strict=True))
    ]


class Step(NamedTuple):
    """What happens to a run after the next ``rows`` rows have arrived."""

    rows: int
    advance: bool
    take: bool
    restore: bool


one_in_three = st.sampled_from([False, False, True])
steps = st.lists(
    st.builds(Step, st.integers(0, 12), st.booleans(), st.booleans(), one_in_three), max_size=20
)
