"""A process that cannot end by itself is cut off."""

import subprocess
import sys

import pytest

from pipeline.domain.exit_codes import ExitCode

HANG = """
import time
from pipeline.kafka.watchdog import Watchdog
watchdog = Watchdog("counting", hang_s={hang_s})
{then}
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("hang_s", "then", "code"),
    [
        (0.1, "", ExitCode.HUNG),
        (60, "watchdog.stop_within(0.1)", ExitCode.STOP_LIMIT),
    ],
)
def test_a_hanging_process_ends_with_one_line(hang_s: float, then: str, code: ExitCode) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANG.format(hang_s=hang_s, then=then)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == code
    assert ended.stderr.count(b"\n") == 1
    assert b'"stage":"counting"' in ended.stderr
