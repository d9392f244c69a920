"""Which anomalies recomputed statistics change (design section 8).

The detectors run twice over final minutes, side by side: once over the statistics as they are
stored, once as they will be. Both learn their baselines from the same days before, so whatever
those days leave out, a difference between the two is the doing of the revised minutes and of
nothing else. Only that difference is published; every other alert stays as it was judged live.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import polars as pl

from pipeline.detect.alert_identity import Identity, Record, continued, identity_of
from pipeline.detect.detection import Detection
from pipeline.detect.frames import anomalies_frame
from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import MINUTE
from pipeline.engine.versions import RECOMPUTED, SEQUENCE_BITS

EVIDENCE: Final = (
    *("fingerprint", "severity", "feeds", "window_start", "window_end", "observed"),
    *("contributing_keys", "contributing_counts"),
)
"""What two alerts must agree in to be the same: what was counted, not what a baseline expected.
A revised minute moves the baseline of days after it a little; that is no news."""

RETRACTED: Final = " Withdrawn: computed again, this does not stand out."


class AnomalyComparison:
    """Final alerts of two views of the same minutes, taken in order of time."""

    def __init__(self, rules: Sequence[AnyRule]) -> None:
        self._near = {rule.id: rule.parameters.quiet_min * MINUTE for rule in rules}
        self._before = Detection(rules)
        self._after: Detection | None = None
        self._found_before: dict[str, Record] = {}
        self._found_after: dict[str, Record] = {}

    def learn(self, stats: pl.DataFrame, through: int) -> None:
        """Take minutes before the first that is revised; ``through`` ends them (microseconds)."""
        self._before.finalise(stats, through)
        self._before.take(0)

    def add(self, stored: pl.DataFrame, revised: pl.DataFrame, through: int) -> None:
        """Take the same minutes in both views: all of their statistics (RequestStat columns)."""
        if self._after is None:
            self._after = copy.deepcopy(self._before)
        self._before.finalise(stored, through)
        self._after.finalise(revised, through)
        self._found_before |= _final(self._before)
        self._found_after |= _final(self._after)

    def changes(self, published: Sequence[Mapping[str, Any]], generation: int) -> pl.DataFrame:
        """Return the anomaly records to publish.

        ``published`` are the latest records around these minutes. An alert that the revised
        minutes change is ``revised`` under its episode id, one that they leave nothing of is
        ``retracted``, one that only they show is published as it ended. Alerts that are not
        final are the detect stage's and stay untouched.
        """
        versions = {identity_of(one): one["version"] for one in published}
        free = {identity_of(one): dict(one) for one in published if one["status"] != "retracted"}
        before, after = list(self._found_before.values()), list(self._found_after.values())
        kept = [one for one in after if _seen(one) in map(_seen, before)]
        appeared = [one for one in after if one not in kept]
        vanished = [one for one in before if _seen(one) not in map(_seen, after)]
        own = {identity_of(one) for one in after}
        for one in kept:
            self._claim(one, free, own)
        records = []
        for one in appeared:
            known = self._claim(one, free, own)
            if known is None:
                version = _version(versions.get(identity_of(one)), generation)
                records.append(one | {"version": version})
            elif not known["provisional"] and _seen(known) != _seen(one):
                told = {name: known[name] for name in ("episode", "opened_at")}
                version = _version(known["version"], generation)
                records.append(one | told | {"status": "revised", "version": version})
        for one in vanished:
            known = self._claim(one, free, ())
            if known is not None and not known["provisional"]:
                version = _version(known["version"], generation)
                records.append(_retracted(known) | {"version": version})
        frame = anomalies_frame(records, 0)
        return frame.with_columns(pl.Series("version", [r["version"] for r in records], pl.Int64))

    def _claim(
        self, found: Record, free: dict[Identity, Record], own: Collection[Identity]
    ) -> Record | None:
        """Take the published record of the same story out of those that are free."""
        identity = continued(found, free, own, self._near.get(found["rule"], 0))
        return None if identity is None else free.pop(identity)


def _final(detection: Detection) -> dict[str, Record]:
    """Return what is over by now, by episode id: it may be told twice, the last time counts."""
    anomalies, _ = detection.take(0)
    over = anomalies.filter((pl.col("status") == "resolved") & ~pl.col("provisional"))
    return {record["episode"]: record for record in over.to_dicts()}


def _seen(record: Mapping[str, Any]) -> Record:
    return {name: record[name] for name in EVIDENCE}


def _retracted(known: Record) -> Record:
    return known | {
        "status": "retracted",
        "resolved_at": known["resolved_at"] or known["updated_at"],
        "explanation": known["explanation"] + RETRACTED,
    }


def _version(stored: int | None, generation: int) -> int:
    first = (generation << SEQUENCE_BITS) | RECOMPUTED
    return first if stored is None else max(stored + 1, first)
