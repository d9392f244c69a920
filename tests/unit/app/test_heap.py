"""Memory that is free goes back to the system."""

import psutil
import pytest

from pipeline.app.heap import give_back

MIB = 1 << 20


def test_small_pieces_that_were_freed_between_others_go_back() -> None:
    if not give_back():
        pytest.skip("this C library has no malloc_trim")
    pieces = [bytes(1000) for _ in range(100_000)]
    last = bytes(1000)
    kept = pieces[:: len(pieces) // 10]
    del pieces
    before = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss < before - 50 * MIB
    assert len({*kept, last}) == 1
