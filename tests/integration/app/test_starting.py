"""What a first start may get wrong is said at once, with the code for "mend it first"."""

import pytest

from pipeline.domain.exit_codes import ExitCode
from tests.support.line import PARTITIONS, Line
from tests.support.stack import Stack

pytestmark = pytest.mark.stack


def test_topics_are_created_with_the_settings_as_they_come(stack: Stack, topic_prefix: str) -> None:
    line = Line(stack, topic_prefix, "unused", replication_factor="-1")
    created = line.command("topics", "create")
    assert created.returncode == 0, created.stderr
    assert line.command("topics", "check").returncode == 0


def test_a_stage_does_not_start_without_its_topics_or_with_another_number_of_partitions(
    stack: Stack, topic_prefix: str
) -> None:
    line = Line(stack, topic_prefix, "unused")
    missing = line.command("run", "sessionize")
    assert missing.returncode == ExitCode.MISTAKE
    assert "create the topics first" in missing.stderr
    assert line.command("topics", "create").returncode == 0
    other = Line(stack, topic_prefix, "unused", partitions=str(PARTITIONS + 1))
    for stage in ("sessionize", "detect"):
        differing = other.command("run", stage)
        assert differing.returncode == ExitCode.MISTAKE
        assert f"has {PARTITIONS} partitions" in differing.stderr
