"""One stretch, judged: its scores, and a line for everything that was missed or false."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bench.detection import plan
from bench.detection.delays import by_the_minute
from bench.detection.scoring import RuleScore, explains, finds, score
from bench.detection.stretch import Outcome, kept, run
from pipeline.app.rule_files import read_rules
from pipeline.app.settings import Settings
from pipeline.domain.event_time import MINUTE
from pipeline.simulator.labels import Strength
from pipeline.simulator.times import iso_s


class Trial(NamedTuple):
    """What one process runs; without a strength there are no attacks."""

    world: plan.Plan
    days: int
    seed: int
    strength: Strength | None
    rules: tuple[str, ...] | None
    keep: Path | None


def judge(trial: Trial) -> tuple[list[str], dict[str, RuleScore]]:
    """Run a stretch; return what is to be told, and the scores of the rules."""
    config = trial.world.config(trial.days, trial.seed)
    rules = [
        rule
        for rule in read_rules(Settings().rules_dir, config.time_zone)
        if rule.state != "off" and (trial.rules is None or rule.id in trial.rules)
    ]
    kinds = [] if trial.strength is None else plan.attacks(trial.strength)
    alike = plan.look_alikes(trial.days)
    parts = [(config.start_us + plan.LEARNING, kinds), (config.start_us, alike)]
    name = f"{trial.world.name}-{trial.days}-{trial.seed}"
    outcome = kept(trial.keep, name, lambda: run(config, parts, rules))
    ids = [rule.id for rule in rules]
    labels = [one for one in outcome.attacks if one.rule in ids]
    # What is silent after the last row is the end of the data.
    once = _windows(one for one in outcome.alerts if one["window_end"] <= config.end_us)
    alerts, seen = by_the_minute(outcome.stats, rules, labels)
    alerts = [one for one in alerts if one["window_start"] < config.end_us]
    placed = sum(one.kind in plan.PER_WORKING_DAY for one in outcome.look_alikes)
    lines = [
        (
            f"{trial.world.name}, seed {trial.seed}, {trial.strength or 'quiet'}: "
            f"{outcome.rows:,} rows and events, "
            f"{len(labels)} of {len(kinds)} attacks, {placed} of {len(alike)} look-alikes, "
            f"{len(alerts)} alerts"
        )
    ]
    stepped = _windows(one for one in alerts if one["window_end"] <= config.end_us)
    if outcome.fresh and stepped != once:
        lines.append("  judged minute by minute, the alerts differ: they must not")
    scores: dict[str, RuleScore] = {}
    staged = outcome.attacks
    score(labels, staged, alerts, scores, attacked=trial.strength is not None)
    for label in labels:
        met = [alert for alert in alerts if finds(label, alert)]
        if met:
            first = min(seen[alert["episode"]] for alert in met)
            scores[label.rule].delays.append((first - label.start_us) / MINUTE)
        else:
            lines.append(f"  missed: {label.name} ({label.rule})")
    lines += [
        f"  false: {_words(alert, outcome)}"
        for alert in alerts
        if not any(explains(label, alert) for label in staged)
    ]
    return lines, scores


def _windows(alerts: Iterable[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    return sorted(
        (one["rule"], one["key"], one["window_start"], one["window_end"]) for one in alerts
    )


def _words(alert: dict[str, Any], outcome: Outcome) -> str:
    """Say what an alert is about, and which look-alike was on."""
    start, end = alert["window_start"], alert["window_end"]
    on = {
        one.kind
        for one in outcome.look_alikes
        if one.kind in plan.PER_WORKING_DAY and one.start_us < end and start < one.end_us
    }
    return (
        f"{alert['rule']} {alert['key']!r} {iso_s(start)} for {(end - start) // MINUTE} min, "
        f"{alert['observed']:g} against {alert['expected']:.2f} ({', '.join(sorted(on)) or '-'})"
    )
