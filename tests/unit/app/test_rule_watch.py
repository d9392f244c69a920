"""Rule files that change under a running stage: taken when right, left alone when wrong."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.app.rule_watch import LOOK_EVERY_S, RuleWatch
from pipeline.domain.errors import SettingsError
from tests.support.detect_run import RULES

NAME = "masquerade_burst.yaml"


class Watched:
    """A copy of one shipped rule, watched with a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / NAME
        shutil.copy(RULES / NAME, self.file)
        self.now = 0.0
        self._saved = 0
        self.watch = RuleWatch(directory, self._clock)
        self.newer = self.watch.follow()

    def _clock(self) -> float:
        return self.now

    def save(self, change: Callable[[str], str]) -> None:
        """Save the file changed; its time moves on even if the disk's clock is coarse."""
        self.file.write_text(change(self.file.read_text()))
        self._saved += 1
        os.utime(self.file, (self._saved, self._saved))

    def look(self, times: int = 2) -> list[str | None]:
        """Look so often; return the severity of the rule that each look gives."""
        found = []
        for _ in range(times):
            self.now += LOOK_EVERY_S
            rules = self.newer()
            found.append(None if rules is None else rules[0].severity)
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def calmer(text: str) -> str:
    return text.replace("severity: critical", "severity: info")


def test_files_that_stay_give_nothing(watched: Watched) -> None:
    assert watched.look(5) == [None] * 5
    assert watched.watch.reloads == 0


def test_a_changed_file_is_taken_once_it_was_left_alone_for_a_look(watched: Watched) -> None:
    watched.save(calmer)
    with capture_logs() as logs:
        assert watched.look(4) == [None, "info", None, None]
    assert [(line["event"], line["changed"]) for line in logs] == [
        ("rules reloaded", ["masquerade_burst"])
    ]


def test_a_file_that_is_still_being_saved_is_not_read(watched: Watched) -> None:
    for _ in range(3):
        watched.save(lambda text: text + "# more\n")
        assert watched.look(1) == [None]
    assert (watched.watch.reloads, watched.watch.failures) == (0, 0)


def test_nothing_is_looked_at_before_its_time(watched: Watched) -> None:
    watched.save(calmer)
    assert watched.newer() is None
    watched.now += LOOK_EVERY_S / 2
    assert watched.newer() is None


def test_a_wrong_file_keeps_the_rules_and_says_so_once(watched: Watched) -> None:
    added = len(watched.file.read_text().splitlines()) + 1
    watched.save(lambda text: text + "colour: red\n")
    with capture_logs() as logs:
        assert watched.look(5) == [None] * 5
    [line] = logs
    assert (line["event"], line["log_level"]) == ("rules not reloaded", "error")
    assert f"{NAME}:{added}: unknown key colour" in line["reason"]
    assert (watched.watch.wrong, watched.watch.failures) == (True, 1)
    assert watched.watch.rules[0].severity == "critical"


def test_a_mended_file_is_taken(watched: Watched) -> None:
    watched.save(lambda text: text + "colour: red\n")
    watched.look()
    watched.save(lambda text: calmer(text.replace("colour: red\n", "")))
    assert watched.look() == [None, "info"]
    assert not watched.watch.wrong


def test_a_file_mended_to_what_it_was_changes_nothing(watched: Watched) -> None:
    watched.save(lambda text: text + "colour: red\n")
    watched.look()
    watched.save(lambda text: text.replace("colour: red\n", ""))
    assert watched.look() == [None, None]
    assert (watched.watch.wrong, watched.watch.reloads) == (False, 0)


def test_every_follower_gets_the_change(watched: Watched) -> None:
    other = watched.watch.follow()
    watched.save(calmer)
    assert watched.look() == [None, "info"]
    assert other() is not None
    assert other() is None


def test_rules_that_all_went_away_are_kept(watched: Watched) -> None:
    watched.file.unlink()
    assert watched.look(3) == [None] * 3
    assert watched.watch.wrong


def test_a_directory_that_is_wrong_from_the_start_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("- no rule")
    with pytest.raises(SettingsError, match=f"{NAME}:1: a rule is a mapping"):
        RuleWatch(tmp_path)
