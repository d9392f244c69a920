"""All detectors over one stream of request stats, and the alerts that come of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import polars as pl

from pipeline.detect.alert_desk import DETECTOR as ALERT_DESK
from pipeline.detect.alert_desk import AlertDesk, Record
from pipeline.detect.error_spike import ErrorSpike
from pipeline.detect.finding import Finding
from pipeline.detect.frames import anomalies_frame, states_frame
from pipeline.detect.masquerade_burst import MasqueradeBurst
from pipeline.detect.rules import AnyRule, ErrorSpikeRule, MasqueradeBurstRule, check_references
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed

STAGE: Final = "detection"
"""Detector name under which the stage keeps how far event time has come."""

FEEDS: Final[tuple[Feed, ...]] = (WEB_LOGS, LIVE_EVENTS)


class Detector(Protocol):
    """One detector with its rules; minutes are whole minutes since the epoch."""

    rules: tuple[str, ...]

    def observe(self, stats: pl.DataFrame) -> None:
        """Take restated minutes that are not final."""
        ...

    def close(self, through: Mapping[Feed, int]) -> None:
        """Take how far the feeds are closed."""
        ...

    def finalise(self, stats: pl.DataFrame, through: int) -> None:
        """Judge final minutes for good, and learn from them."""
        ...

    def findings(self) -> list[Finding]:
        """Return all episodes as of now; those that became final are returned once."""
        ...

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state of all that changed; empty: forgotten."""
        ...

    def restore(self, name: str, key: str, state: str) -> None:
        """Take back one state; names of other detectors are none of its own."""
        ...

    def resume(self, closed: Mapping[Feed, int], final: int) -> None:
        """Take the moment that the restored states speak of."""
        ...


class Detection:
    """Observes stats, judges them, and gives out alerts and the state to go on from.

    Alerts on minutes that are not final are provisional. What is found in the end depends on the
    final stats alone: a second, final judgement runs over them in order, and only it learns.
    """

    def __init__(self, rules: Sequence[AnyRule]) -> None:
        """Take the rules of all detectors; raises SettingsError if they contradict each other."""
        check_references(rules)
        self._detectors = _detectors([rule for rule in rules if rule.state != "off"])
        self._desk = AlertDesk()
        self._closed: dict[Feed, int] = dict.fromkeys(FEEDS, 0)
        self._final = 0
        self._moved = False
        self._stale = False

    def observe(self, stats: pl.DataFrame) -> None:
        """Take changed stats (request_stat columns, absolute values) of minutes not final.

        After ``restore``, all stats of such minutes are observed again before the next take.
        """
        for detector in self._detectors:
            detector.observe(stats)
        self._stale = True

    def close(self, stats: pl.DataFrame, through: Mapping[Feed, int]) -> None:
        """Take stats of minutes that just closed.

        Every minute of a feed that ends at or before ``through`` (microseconds) is closed.
        """
        for detector in self._detectors:
            detector.observe(stats)
        self._stale = self._stale or stats.height > 0
        self._close({feed: at // MINUTE for feed, at in through.items()})

    def finalise(self, stats: pl.DataFrame, through: int) -> None:
        """Take stats of minutes that just became final; nothing before ``through`` changes now."""
        minute = through // MINUTE
        if stats.height == 0 and minute <= self._final:
            return
        for detector in self._detectors:
            detector.finalise(stats, minute)
        self._final = max(self._final, minute)
        self._moved = self._stale = True
        self._close(dict.fromkeys(FEEDS, minute))

    def _close(self, through: Mapping[Feed, int]) -> None:
        for feed, minute in through.items():
            if feed in self._closed and minute > self._closed[feed]:
                self._closed[feed] = minute
                self._moved = self._stale = True
        for detector in self._detectors:
            detector.close(self._closed)

    def take(self, version: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return changed anomalies (anomaly columns) and detector states (detector_state columns).

        Times are Int64 microseconds. A state of "" says that the key is forgotten.
        """
        now = max(self._closed.values()) * MINUTE
        anomalies: list[Record] = []
        if self._stale:
            for detector in self._detectors:
                anomalies += self._desk.report(detector.rules, detector.findings(), now)
            self._stale = False
        states = [state for detector in self._detectors for state in detector.take_states()]
        states += self._desk.take_states()
        if self._moved:
            states.append((STAGE, "", json.dumps({"closed": self._closed, "final": self._final})))
            self._moved = False
        return anomalies_frame(anomalies, version), states_frame(states, version, now)

    def restore(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Take back the latest state of every detector and key (detector_state fields)."""
        for record in states:
            name, key, state = record["detector"], record["key"], record["state"]
            if not state:
                continue
            if name == STAGE:
                moment = json.loads(state)
                self._closed.update(moment["closed"])
                self._final = moment["final"]
            elif name == ALERT_DESK:
                self._desk.restore(state)
            else:
                for detector in self._detectors:
                    detector.restore(name, key, state)
        for detector in self._detectors:
            detector.resume(self._closed, self._final)
        self._stale = True


def _detectors(rules: Sequence[AnyRule]) -> list[Detector]:
    """Return the detectors of rules; rules on a whole and its parts share one."""
    detectors: list[Detector] = [
        MasqueradeBurst(rule) for rule in rules if isinstance(rule, MasqueradeBurstRule)
    ]
    spikes = [rule for rule in rules if isinstance(rule, ErrorSpikeRule)]
    ids = {rule.id for rule in spikes}
    parts = {rule.part_of: rule for rule in spikes if rule.part_of in ids}
    for rule in spikes:
        if rule.dimension == "all":
            detectors.append(ErrorSpike(rule, parts.get(rule.id)))
        elif rule.part_of not in ids:
            detectors.append(ErrorSpike(None, rule))
    return detectors
