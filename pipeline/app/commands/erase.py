"""``erase --user``: forgets a person, and says what is gone and what is still to go."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console

from pipeline.app.erasing import Erased, erase_person
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import Settings, load_settings

KEPT: Final = (
    "What rules have learned of the person stays until they forget it (forget_after_min),",
    "and the id it was kept under for good, on canvas.detector_state.v1.",
    "Not searched: dead letters, and what others' rows say of the person in texts.",
)


def erase(user: int, *, dry_run: bool = False, settings: Settings | None = None) -> Erased:
    """Forget a person and print what that did."""
    settings = settings or load_settings()
    set_up_logs(settings)
    erased = asyncio.run(erase_person(settings, user, dry_run=dry_run))
    console = Console(highlight=False)
    for line in report(erased, datetime.now(UTC)):
        console.print(line, soft_wrap=True)
    return erased


def report(erased: Erased, now: datetime) -> list[str]:
    """Return what was done, in lines; nothing in them names the person's rows."""
    done = erased.published
    lines = [
        "The erasure is published: views exclude the person from now on, whatever comes later."
        if done
        else "Nothing was published: this is what would be done."
    ]
    deleted = {name: count for name, count in erased.before.items() if count}
    lines += [f"{name}: {count:,} rows {_of(done)}" for name, count in deleted.items()]
    if not deleted:
        lines.append("ClickHouse has no row of this person.")
    if left := {name: count for name, count in erased.after.items() if done and count}:
        lines.append(
            f"Still there: {', '.join(f'{count:,} in {name}' for name, count in left.items())};"
            " the sink deletes them with its next sweep (every six hours, and when it starts)."
        )
    lines += _restated(erased)
    lines.append("Records on the topics cannot be taken back; they age out by themselves:")
    lines += [f"  {one.topic}: {_gone(one.gone_after_ms, now)}" for one in erased.aging]
    lines += KEPT
    return lines


def _restated(erased: Erased) -> list[str]:
    if erased.hindrance is not None:
        why = f"Sessions, statistics and anomalies could not be restated: {erased.hindrance}"
        return [why, "Those that name the person are deleted all the same; counts may stay."]
    if erased.restated is None:
        return ["There was nothing to restate."]
    lines = []
    waiting = 0
    for kind, counts in erased.restated.counts.items():
        waiting += counts["waiting"]
        said = ", ".join(
            f"{counts[name]:,} {word}"
            for name, word in (("gone", "withdrawn"), ("revised", "restated"), ("new", "new"))
        )
        lines.append(f"{kind}: {said}")
    if waiting:
        day = datetime.fromtimestamp(erased.days[0].start / 1e6, UTC)
        lines.append(
            f"{waiting:,} results of these days are not final yet. When they are, run: "
            f"canvas-telemetry recompute --since {day:%Y-%m-%dT%H:%M:%SZ}"
        )
    return lines


def _of(done: bool) -> str:  # noqa: FBT001 - one word's choice
    return "deleted" if done else "to delete"


def _gone(after_ms: int | None, now: datetime) -> str:
    if after_ms is None:
        return "when a later record of the same key replaces them"
    return f"{now + timedelta(milliseconds=after_ms):%Y-%m-%d %H:%M} UTC at the latest"
