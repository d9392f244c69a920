"""Attacks that can be injected: one file per kind, one line per attack here."""

from typing import Final

from pipeline.domain.errors import SettingsError
from pipeline.simulator.attacks.attack import AttackKind
from pipeline.simulator.attacks.error_spike import DEPLOY_FAILS, INSTANCE_DOWN
from pipeline.simulator.attacks.masquerade import BURST, WRITES

ATTACKS: Final[tuple[AttackKind, ...]] = (DEPLOY_FAILS, INSTANCE_DOWN, BURST, WRITES)
ATTACK_NAMES: Final[tuple[str, ...]] = tuple(kind.name for kind in ATTACKS)


def parse_attacks(text: str) -> tuple[str, ...]:
    """Read a choice of attacks: names with commas between, `all` or `none`.

    Raises SettingsError for a name that is none of ATTACK_NAMES.
    """
    if text == "all":
        return ATTACK_NAMES
    if text == "none":
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    chosen_attacks(names)
    return names


def chosen_attacks(names: tuple[str, ...] | None) -> tuple[AttackKind, ...]:
    """Give the attacks of these names in the order of ATTACKS; None means all.

    Raises SettingsError for a name that is none of ATTACK_NAMES.
    """
    if names is None:
        return ATTACKS
    unknown = [name for name in names if name not in ATTACK_NAMES]
    if unknown:
        raise SettingsError(
            f"There is no attack named {unknown[0]!r}; there are: {', '.join(ATTACK_NAMES)}."
        )
    return tuple(kind for kind in ATTACKS if kind.name in names)
