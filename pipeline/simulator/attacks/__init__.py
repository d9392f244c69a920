"""Attacks that can be injected: one file per family, one line per family or attack here."""

from typing import Final

from pipeline.domain.errors import SettingsError
from pipeline.simulator.attacks.accounts import ACCOUNT_ATTACKS
from pipeline.simulator.attacks.acting import ACTING_ATTACKS, BURSTS
from pipeline.simulator.attacks.administration import ADMINISTRATION_ATTACKS
from pipeline.simulator.attacks.afterwards import AFTERWARDS
from pipeline.simulator.attacks.attack import AttackKind
from pipeline.simulator.attacks.drill import Drill
from pipeline.simulator.attacks.error_spike import DEPLOY_FAILS, INSTANCE_DOWN, ErrorSpike
from pipeline.simulator.attacks.failures import FAILURES, SPIKES
from pipeline.simulator.attacks.logins import LOGIN_ATTACKS
from pipeline.simulator.attacks.look_alikes import LOOK_ALIKES
from pipeline.simulator.attacks.masquerade import BURST, WRITES, Masquerade
from pipeline.simulator.attacks.quizzes import QUIZ_ATTACKS
from pipeline.simulator.attacks.reading import READING_ATTACKS
from pipeline.simulator.attacks.records import RECORD_ATTACKS
from pipeline.simulator.attacks.removals import REMOVALS
from pipeline.simulator.attacks.tokens import TOKEN_ATTACKS

ATTACKS: Final[tuple[AttackKind, ...]] = (DEPLOY_FAILS, INSTANCE_DOWN, BURST, WRITES)
"""What a simulated day has unless something else is asked for."""

DRILLS: Final[tuple[Drill, ...]] = (
    *LOGIN_ATTACKS,
    *ACCOUNT_ATTACKS,
    *TOKEN_ATTACKS,
    *ACTING_ATTACKS,
    *RECORD_ATTACKS,
    *REMOVALS,
    *AFTERWARDS,
    *READING_ATTACKS,
    *ADMINISTRATION_ATTACKS,
    *FAILURES,
    *QUIZ_ATTACKS,
)
"""Attacks in three strengths, chosen by name."""

GRADED: Final[tuple[ErrorSpike | Masquerade | Drill, ...]] = (*SPIKES, *BURSTS, *DRILLS)
"""Every attack there is in strengths."""

MORE: Final[tuple[AttackKind, ...]] = (*GRADED, *LOOK_ALIKES)
ATTACK_NAMES: Final[tuple[str, ...]] = tuple(kind.name for kind in ATTACKS)
MORE_NAMES: Final[tuple[str, ...]] = tuple(kind.name for kind in MORE)


def parse_attacks(text: str) -> tuple[str, ...]:
    """Read a choice of attacks: names with commas between, `all` (of a usual day) or `none`.

    Raises SettingsError for a name that is none of ATTACK_NAMES and MORE_NAMES.
    """
    if text == "all":
        return ATTACK_NAMES
    if text == "none":
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    chosen_attacks(names)
    return names


def chosen_attacks(names: tuple[str, ...] | None) -> tuple[AttackKind, ...]:
    """Give the attacks of these names in the order of ATTACKS and MORE; None means ATTACKS.

    Raises SettingsError for a name that is none of theirs.
    """
    if names is None:
        return ATTACKS
    unknown = [name for name in names if name not in ATTACK_NAMES + MORE_NAMES]
    if unknown:
        raise SettingsError(
            f"There is no attack named {unknown[0]!r}; there are: {', '.join(ATTACK_NAMES)}, "
            f"and in strengths: {', '.join(MORE_NAMES)}."
        )
    return tuple(kind for kind in (*ATTACKS, *MORE) if kind.name in names)
