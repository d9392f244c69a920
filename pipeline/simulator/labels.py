"""What was put into the data, for those who check what was found."""

from typing import Final, Literal, NamedTuple

from pipeline.domain.feeds import Feed

Strength = Literal["weak", "middle", "strong"]

ANY: Final = "*"


class Key(NamedTuple):
    """What an alert may be about, in the words of request statistics.

    Dimensions are those of request statistics: `all` (key ""), `controller_action`
    (`controller#action`), `masquerader` (local user id of the person behind it) and others.
    Look-alikes also name `actor` and `course`. "*" stands for any dimension or key.
    """

    dimension: str
    key: str


class AttackLabel(NamedTuple):
    """One injected attack.

    An alert of `rule` on one of `keys`, between `start_us` and a little after `end_us`, has
    found it (a rule's id, or how the ids of several begin); alerts on `tolerated`, and those of
    the rules named in `also`, have the same cause in that time and are not false. `web_logs` and
    `live_events` count the rows and events that carry it.
    """

    name: str
    kind: str
    rule: str
    start_us: int
    end_us: int
    feeds: tuple[Feed, ...]
    keys: tuple[Key, ...]
    tolerated: tuple[Key, ...]
    web_logs: int
    live_events: int
    detail: str
    strength: Strength = "strong"
    also: tuple[str, ...] = ()


class LookAlike(NamedTuple):
    """Benign traffic that resembles an attack; no alert may come of it."""

    kind: str
    start_us: int
    end_us: int
    key: Key


class BadLineLabel(NamedTuple):
    """A line that no reader can understand: its feed, file and 1-based line number."""

    feed: Feed
    kind: str
    file: str
    line: int
