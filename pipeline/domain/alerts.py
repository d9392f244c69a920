"""What somebody decided about alerts: acknowledgements and silences, and what they say of one.

An action is about an alert (its fingerprint), about all of a rule (``rule:<id>``) or about all
(``*``). A silence with a begin is a maintenance window. Of actions under one key the last counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

ALL: Final = "*"
RULE: Final = "rule:"

ACK: Final = "ack"
UNACK: Final = "unack"
SILENCE: Final = "silence"
UNSILENCE: Final = "unsilence"
UNDELIVERED: Final = "undelivered"

KINDS: Final[Mapping[str, str]] = {
    ACK: ACK,
    UNACK: ACK,
    SILENCE: SILENCE,
    UNSILENCE: SILENCE,
    UNDELIVERED: UNDELIVERED,
}
"""Action → the kind under whose key it replaces an earlier one."""


class Action(NamedTuple):
    """One decision; times in microseconds. Fields are those of the AlertAction record."""

    fingerprint: str
    action: str
    who: str
    why: str
    until: int | None
    acted_at: int
    begins_at: int | None = None
    episode: str | None = None
    channel: str | None = None

    @property
    def key(self) -> str:
        """The record's key: a later action of the same key takes this one's place."""
        begin = "" if self.begins_at is None else str(self.begins_at)
        return "|".join((self.fingerprint, KINDS[self.action], self.channel or begin))

    def silences(self, alert: Mapping[str, Any], at: int) -> bool:
        """Return whether it keeps an alert (its record) from being sent at an instant."""
        begun = self.begins_at is None or self.begins_at <= at
        over = self.until is not None and self.until <= at
        return self.action == SILENCE and begun and not over and self.concerns(alert)

    def concerns(self, alert: Mapping[str, Any]) -> bool:
        """Return whether it is about an alert (its record)."""
        return self.fingerprint in {ALL, f"{RULE}{alert['rule']}", alert["fingerprint"]}


class Decisions:
    """The actions that count, by key."""

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self._by_key: dict[str, Action] = {}
        for action in actions:
            self.take(action)

    def take(self, action: Action) -> None:
        """Take a later action than all before it under its key; what is undone is forgotten."""
        if action.action in {UNACK, UNSILENCE}:
            self._by_key.pop(action.key, None)
        else:
            self._by_key[action.key] = action

    def silence_of(self, alert: Mapping[str, Any], at: int) -> Action | None:
        """Return a silence that holds for an alert at an instant."""
        return next((one for one in self._by_key.values() if one.silences(alert, at)), None)

    def ack_of(self, alert: Mapping[str, Any]) -> Action | None:
        """Return the acknowledgement of this occurrence of an alert."""
        return next(
            (
                one
                for one in self._by_key.values()
                if one.action == ACK
                and one.concerns(alert)
                and one.episode in {None, alert["episode"]}
            ),
            None,
        )

    def about(self, alert: Mapping[str, Any]) -> list[Action]:
        """Return everything that concerns an alert, oldest first."""
        found = [one for one in self._by_key.values() if one.concerns(alert)]
        return sorted(found, key=lambda one: one.acted_at)

    def all(self) -> list[Action]:
        """Return everything that counts, oldest first."""
        return sorted(self._by_key.values(), key=lambda one: one.acted_at)
