"""The scores as a table (Markdown, as `docs/detection.md` shows it)."""

from collections.abc import Sequence
from typing import Final

from bench.detection.scoring import STRENGTHS, RuleScore
from pipeline.simulator.attacks import GRADED, LOOK_ALIKES

HEADER: Final = (
    "rule", "weak", "middle", "strong", "precision", "delay min (median, p95)", "false / week",
)  # fmt: skip


def kinds() -> list[str]:
    """Return the lines of a table: what stands for each rule, and what only looks like it."""
    attacks: dict[str, dict[str, None]] = {}
    for kind in GRADED:
        attacks.setdefault(kind.rule, {})[kind.name.rpartition(".")[0]] = None
    alike = {rule: [kind.kind for kind in LOOK_ALIKES if rule in kind.like] for rule in attacks}
    return [
        "| rule | attacks, each in three strengths | look-alikes |",
        "|---|---|---|",
        *(
            f"| {rule} | {', '.join(attacks[rule])} | {', '.join(alike[rule])} |"
            for rule in sorted(attacks)
        ),
    ]


def table(scores: dict[str, RuleScore], weeks: float) -> list[str]:
    """Return the lines of the table: one row per rule, found of staged per strength."""
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    for rule, one in sorted(scores.items()):
        cells = [
            rule,
            *(f"{one.found[strength]}/{one.attacks[strength]}" for strength in STRENGTHS),
            _share(one.true, one.true + one.false),
            _delays(one.delays),
            f"{one.quiet / weeks:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def totals(scores: dict[str, RuleScore]) -> str:
    """Return precision, and recall of the middle and strong attacks, over all rules."""
    true = sum(one.true for one in scores.values())
    false = sum(one.false for one in scores.values())
    found = sum(one.found["middle"] + one.found["strong"] for one in scores.values())
    staged = sum(one.attacks["middle"] + one.attacks["strong"] for one in scores.values())
    weak = sum(one.found["weak"] for one in scores.values())
    weak_staged = sum(one.attacks["weak"] for one in scores.values())
    return (
        f"precision {_share(true, true + false)} ({false} false), recall of middle and strong "
        f"{_share(found, staged)}, of weak {_share(weak, weak_staged)}"
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _delays(delays: Sequence[float]) -> str:
    if not delays:
        return "-"
    return f"{percentile(delays, 0.5):.0f}, {percentile(delays, 0.95):.0f}"


def _share(part: int, whole: int) -> str:
    return "-" if not whole else f"{part / whole:.2f}"
