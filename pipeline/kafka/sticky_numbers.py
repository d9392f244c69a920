"""Who gets which partitions: numbers stay where they are, same numbers of all topics together.

aiokafka's range assignor goes by the order of member ids, which are random: one worker that
comes or goes moves partitions between workers that stay, and each of them is restored for
nothing. Its sticky assignor keeps partitions but tears same-numbered ones of co-read topics
apart. This one deals out partition *numbers*: a member keeps what it had up to its fair share.

The eager protocol stays (KIP-429 is not in aiokafka): all are revoked first, and those that come
straight back go on from what was parked.
"""

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

VERSION: Final = 0
_ROUND: Final = struct.Struct(">q")


class Claim(NamedTuple):
    """What a member says it had, and in which round it was given that; no round: nothing."""

    round: int
    numbers: frozenset[int]


class ClusterTopics(Protocol):
    """What is asked of aiokafka's view of the cluster."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the numbers of a topic's partitions, None if it is unknown."""


class StickyNumbers:
    """An assignor of aiokafka that remembers its own consumer's last assignment.

    One object per consumer. A claim of an earlier round loses to one of a later round, so that a
    worker that was away does not take back what others were given meanwhile.
    """

    name = "sticky-numbers"

    def __init__(self) -> None:
        self._held = Claim(-1, frozenset())

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return what this consumer tells the group's leader."""
        return ConsumerProtocolMemberMetadata(VERSION, sorted(topics), _packed(self._held))

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember what this consumer was given."""
        numbers = frozenset(
            number for _, partitions in assignment.assignment for number in partitions
        )
        self._held = Claim(_unpacked(assignment.user_data).round, numbers)

    def assign(
        self, cluster: ClusterTopics, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Deal out all partitions; called on the group's leader only."""
        claims = {member: _unpacked(each.user_data) for member, each in members.items()}
        turn = max((claim.round for claim in claims.values()), default=-1) + 1
        given: dict[str, list[tuple[str, list[int]]]] = defaultdict(list)
        for readers, topics in _co_read(members).items():
            numbers = {topic: cluster.partitions_for_topic(topic) or set() for topic in topics}
            if not all(numbers.values()):
                continue  # a part of them is of no use; ``learn_topics`` has them dealt out soon
            dealt = deal(set().union(*numbers.values()), {each: claims[each] for each in readers})
            for member, mine in dealt.items():
                for topic in topics:
                    if here := sorted(mine & numbers[topic]):
                        given[member].append((topic, here))
        mark = _packed(Claim(turn, frozenset()))
        return {
            member: ConsumerProtocolMemberAssignment(VERSION, sorted(given[member]), mark)
            for member in members
        }


def deal(numbers: Collection[int], claims: Mapping[str, Claim]) -> dict[str, set[int]]:
    """Give every number to one member; shares differ by at most one, and as few as can be move."""
    held = _undisputed(numbers, claims)
    share, extra = divmod(len(numbers), len(claims))
    dealt: dict[str, set[int]] = {}
    # Those that hold most get the shares that are larger by one.
    for place, member in enumerate(sorted(claims, key=lambda each: (-len(held[each]), each))):
        dealt[member] = set(sorted(held[member])[: share + (place < extra)])
    rest = sorted(set(numbers).difference(*dealt.values()))
    for number in rest:
        poorest = min(dealt, key=lambda each: (len(dealt[each]), each))
        dealt[poorest].add(number)
    return dealt


def _undisputed(numbers: Collection[int], claims: Mapping[str, Claim]) -> dict[str, set[int]]:
    """Return what each member held last; a number two of them claim is the later round's."""
    owner: dict[int, str] = {}
    for member in sorted(claims, key=lambda each: (claims[each].round, each)):
        owner.update(dict.fromkeys(claims[member].numbers, member))
    held: dict[str, set[int]] = {member: set() for member in claims}
    for number in numbers:
        if number in owner:
            held[owner[number]].add(number)
    return held


def _co_read(
    members: Mapping[str, ConsumerProtocolMemberMetadata],
) -> dict[frozenset[str], list[str]]:
    """Return topics by who reads them: one entry unless settings differ between workers."""
    readers: dict[str, set[str]] = defaultdict(set)
    for member, each in members.items():
        for topic in each.subscription:
            readers[topic].add(member)
    together: dict[frozenset[str], list[str]] = defaultdict(list)
    for topic in sorted(readers):
        together[frozenset(readers[topic])].append(topic)
    return together


def _packed(claim: Claim) -> bytes:
    return _ROUND.pack(claim.round) + struct.pack(f">{len(claim.numbers)}i", *sorted(claim.numbers))


def _unpacked(data: bytes | None) -> Claim:
    if not data or len(data) < _ROUND.size:
        return Claim(-1, frozenset())
    (turn,) = _ROUND.unpack_from(data)
    rest = data[_ROUND.size :]
    return Claim(turn, frozenset(struct.unpack(f">{len(rest) // 4}i", rest)))
