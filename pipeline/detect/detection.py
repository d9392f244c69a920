"""All detectors over one stream of request stats, and the alerts that come of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from pipeline.detect.alert_desk import DETECTOR as ALERT_DESK
from pipeline.detect.alert_desk import AlertDesk, Record
from pipeline.detect.frames import anomalies_frame, states_frame
from pipeline.detect.registry import Detector, detectors
from pipeline.detect.rules import AnyRule, check_references
from pipeline.detect.signals import Signals
from pipeline.detect.state_text import dumped, loaded
from pipeline.detect.succession import Judges, State, inherit, origins, succeed
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import FEEDS, Feed

STAGE: Final = "detection"
"""Detector name under which the stage keeps how far event time has come."""

ORIGINS: Final = "origins"
"""Its key under which it keeps what the states of each rule were learned of."""


class Detection:
    """Observes stats, judges them, and gives out alerts and the state to go on from.

    Alerts on minutes that are not final are provisional. What is found in the end depends on the
    final stats alone: a second, final judgement runs over them in order, and only it learns.
    """

    def __init__(self, rules: Sequence[AnyRule]) -> None:
        """Take the rules of all detectors; raises SettingsError if they contradict each other."""
        check_references(rules)
        self._judges = _judges(rules)
        self._desk = AlertDesk()
        self._closed: dict[Feed, int] = dict.fromkeys(FEEDS, 0)
        self._final = 0
        self._moved = False
        self._stale = False
        self._forgotten: list[State] = []
        self._origins: dict[str, str] = {}

    @property
    def _detectors(self) -> Sequence[Detector]:
        return self._judges.detectors

    @property
    def held(self) -> Mapping[tuple[str, str], int]:
        """Final findings that were not published, by rule and reason, since the start."""
        return self._desk.held

    def replace(self, rules: Sequence[AnyRule]) -> None:
        """Go on with other rules; raises SettingsError, and changes nothing, if they are wrong.

        After it, all stats of minutes that are not final are observed again before the next take.
        """
        check_references(rules)
        after = _judges(rules)
        heirs, forgotten = succeed(self._judges, after, self._closed, self._final)
        self._judges = after._replace(detectors=heirs)
        self._forgotten += forgotten
        self._stale = True

    def observe(self, stats: pl.DataFrame) -> None:
        """Take changed stats (request_stat columns, absolute values) of minutes not final.

        After ``restore``, all stats of such minutes are observed again before the next take.
        """
        signals = Signals(stats)
        for detector in self._detectors:
            detector.observe(signals)
        self._stale = True

    def close(self, through: Mapping[Feed, int]) -> None:
        """Take how far feeds are closed: every minute that ends at or before it (microseconds)."""
        self._close({feed: at // MINUTE for feed, at in through.items()})

    def finalise(self, stats: pl.DataFrame, through: int) -> None:
        """Take stats of minutes that just became final; nothing before ``through`` changes now."""
        minute = through // MINUTE
        if stats.height == 0 and minute <= self._final:
            return
        signals = Signals(stats)
        for detector in self._detectors:
            detector.finalise(signals, minute)
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
            final = self._final * MINUTE
            for detector in self._detectors:
                anomalies += self._desk.report(detector.rules, detector.findings(), now, final)
            # Alerts of rules that are no longer judged would stay open for ever.
            orphans = self._desk.rules - set(self._judges.rules)
            anomalies += self._desk.report(sorted(orphans), [], now, final)
            self._stale = False
        states = self._forgotten
        self._forgotten = []
        states += [state for detector in self._detectors for state in detector.take_states()]
        states += self._desk.take_states()
        if self._moved:
            states.append((STAGE, "", dumped({"closed": self._closed, "final": self._final})))
            self._moved = False
        if states:
            states += self._changed_origins()
        return anomalies_frame(anomalies, version), states_frame(states, version, now)

    def _changed_origins(self) -> list[State]:
        """Return what the states of each rule are learned of, if that is not written yet."""
        if self._judges.origins == self._origins:
            return []
        self._origins = dict(self._judges.origins)
        return [(STAGE, ORIGINS, dumped(self._origins))]

    def restore(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Take back the latest state of every detector and key (detector_state fields).

        Of rules that have changed since, what ``replace`` would take over is taken over.
        """
        learned: list[State] = []
        for record in states:
            name, key, state = record["detector"], record["key"], record["state"]
            if not state:
                continue
            if (name, key) == (STAGE, ORIGINS):
                self._origins = loaded(state)
            elif name == STAGE:
                moment = loaded(state)
                self._closed.update(moment["closed"])
                self._final = moment["final"]
            elif name == ALERT_DESK:
                self._desk.restore(state)
            else:
                learned.append((name, key, state))
        taken_over, self._forgotten = inherit(learned, self._origins, self._judges.origins)
        by_rule = {rule: detector for detector in self._detectors for rule in detector.rules}
        for name, key, state in taken_over:
            by_rule[name.partition(".")[0]].restore(name, key, state)
        for detector in self._detectors:
            detector.resume(self._closed, self._final)
        self._stale = True


def _judges(rules: Sequence[AnyRule]) -> Judges:
    judged = [rule for rule in rules if rule.state != "off"]
    return Judges({rule.id: rule for rule in judged}, detectors(judged), origins(judged))
