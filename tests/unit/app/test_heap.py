"""Memory that is free is kept for a while, then goes back to the system."""

import resource
import subprocess
import sys

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


ARRAYS_AGAIN_AND_AGAIN = """
import ctypes, resource, threading
# Where the system gives 2 MiB at once, pages are not what is counted here (prctl(2)).
PR_SET_THP_DISABLE = 41
getattr(ctypes.CDLL(None), "prctl", lambda *_: None)(PR_SET_THP_DISABLE, 1, 0, 0, 0)
from pipeline.app.heap import give_back, keep_freed
kept = keep_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def touch():
    for _ in range(8):
        held = [bytearray(b"x") * (6 << 20) for _ in range(8)]
        del held
thread = threading.Thread(target=touch)
thread.start()
thread.join()
before = faults()
touch()
again = faults()
give_back()
touch()
print(int(kept), again - before, faults() - again)
"""


def test_freed_arrays_are_taken_again_without_a_page_fault_until_they_are_given_back() -> None:
    """Of 48 MiB hardly a page, whichever thread touched them before; then nearly all."""
    pages = 48 * MIB // resource.getpagesize()
    said = subprocess.check_output([sys.executable, "-c", ARRAYS_AGAIN_AND_AGAIN], text=True)
    kept, again, given_back = map(int, said.split())
    if not kept:
        pytest.skip("this C library has no mallopt")
    assert again < pages // 12
    assert given_back > pages * 0.8
