"""The line at the end of a run says where every row went."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.totals import WORDS, totals_line
from pipeline.engine.tally import Tally

COUNTS = st.integers(0, 10**9)


@given(st.lists(COUNTS, min_size=len(WORDS), max_size=len(WORDS)))
def test_the_parts_of_a_feed_add_up_to_its_rows(counts: list[int]) -> None:
    tally = Tally(sum(counts), *counts)
    assert tally.balanced()
    line = totals_line(["sessionize"], {"web_logs": tally})
    consumed, *parts = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\b", line)]
    assert (consumed, sum(parts)) == (sum(counts), sum(counts))
    assert "\n" not in line


def test_stages_without_rows_say_so() -> None:
    assert totals_line(["sink"], {}) == "caught up: sink; no row was ever consumed"
