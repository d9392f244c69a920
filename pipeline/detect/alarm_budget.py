"""From the false alarms that a rule may raise a week to the probability that a test must reach.

With n independent tests a week, each flagged at probability p, noise raises n·p alarms (Bonferroni;
the union bound holds for dependent windows too). n is what was tested in the last week: keys with
rows times minutes. It changes by the hour, from final minutes only.
"""

from typing import Any, Final

from pipeline.detect.state_text import dumped

HOURS: Final = 168
LEAST_TESTS: Final = 10_080
"""Tests a week that are assumed at least: one key, every minute."""

BUDGET: Final = ".budget"
"""Suffix of the detector name under which a rule keeps its tests, if it has no other place."""

FIRST_HOURS: Final = 24
"""History below which a part of a week is not scaled up further."""


class AlarmBudget:
    """The tests of one rule in the last 168 hours, hour by hour."""

    def __init__(self, alarms_per_week: float, most: float) -> None:
        self._alarms, self._most = alarms_per_week, most
        self._tests: dict[int, int] = {}
        self._hour = 0
        self._changed = False
        self.probability = min(most, alarms_per_week / LEAST_TESTS)

    def count(self, minute: int, tests: int) -> bool:
        """Take the tests of a final minute; return whether the probability is another now."""
        hour, self._changed = minute // 60, True
        self._tests[hour] = self._tests.get(hour, 0) + tests
        if hour == self._hour:
            return False
        self._hour = hour
        return self._renew()

    def _renew(self) -> bool:
        # The hour that has only begun does not count yet.
        hour = self._hour
        self._tests = {at: n for at, n in self._tests.items() if hour - HOURS <= at <= hour}
        past = [at for at in self._tests if at < hour]
        known = max(FIRST_HOURS, hour - min(past, default=hour))
        tests = sum(self._tests[at] for at in past) * HOURS / known
        before = self.probability
        self.probability = min(self._most, self._alarms / max(tests, LEAST_TESTS))
        return self.probability != before

    def touch(self) -> None:
        """Count it as changed; without tests there is nothing to keep."""
        self._changed = bool(self._tests)

    def take_states(self, rule_id: str) -> list[tuple[str, str, str]]:
        """Return detector name, key and state (JSON) if tests came since the last time."""
        if not self._changed:
            return []
        self._changed = False
        return [(rule_id + BUDGET, "", dumped(self.dump()))]

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"tests": list(self._tests.items()), "hour": self._hour}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self._tests, self._hour = dict(state["tests"]), state["hour"]
        self._renew()
