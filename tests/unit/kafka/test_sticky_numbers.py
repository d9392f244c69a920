"""Partitions are dealt out fairly, together by number, and stay where they were."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.sticky_numbers import Claim, StickyNumbers, deal

TOPICS = ("rows", "events")


class Cluster:
    """Topics of a known size."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._sizes = sizes

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        size = self._sizes.get(topic)
        return None if size is None else set(range(size))


class Group:
    """Consumers that join together, the first one leading."""

    def __init__(self, size: int) -> None:
        self.members: dict[str, StickyNumbers] = {}
        self.held: dict[str, set[int]] = {}
        self._cluster = Cluster(dict.fromkeys(TOPICS, size))

    def rebalance(self) -> None:
        told = {name: each.metadata(TOPICS) for name, each in self.members.items()}
        leader = next(iter(self.members.values()))
        for name, assignment in leader.assign(self._cluster, told).items():
            self.members[name].on_assignment(assignment)
            by_topic = dict(assignment.assignment)
            assert by_topic.get("rows", []) == by_topic.get("events", [])
            self.held[name] = set(by_topic.get("rows", []))
        self.held = {name: self.held[name] for name in self.members}


claims = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.builds(Claim, st.integers(-1, 5), st.frozensets(st.integers(0, 40), max_size=40)),
    min_size=1,
    max_size=8,
)


@given(st.sets(st.integers(0, 30)), claims)
def test_every_number_has_one_member_and_shares_differ_by_at_most_one(
    numbers: set[int], claimed: dict[str, Claim]
) -> None:
    dealt = deal(numbers, claimed)
    assert sorted(number for mine in dealt.values() for number in mine) == sorted(numbers)
    sizes = [len(mine) for mine in dealt.values()]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 24), st.integers(1, 6))
def test_a_member_that_comes_takes_its_share_and_nothing_else_moves(
    size: int, workers: int
) -> None:
    group = Group(size)
    for number in range(workers):
        group.members[f"m{number}"] = StickyNumbers()
    group.rebalance()
    before = dict(group.held)
    group.members["a-new-one"] = StickyNumbers()
    group.rebalance()
    for name, held in before.items():
        assert group.held[name] <= held
    assert len(group.held["a-new-one"]) == size // (workers + 1)


@given(st.integers(1, 24), st.integers(2, 6), st.data())
def test_a_member_that_goes_leaves_the_others_what_they_had(
    size: int, workers: int, data: st.DataObject
) -> None:
    group = Group(size)
    for number in range(workers):
        group.members[f"m{number}"] = StickyNumbers()
    group.rebalance()
    before = dict(group.held)
    del group.members[data.draw(st.sampled_from(sorted(group.members)))]
    group.rebalance()
    for name, held in group.held.items():
        assert before[name] <= held


def test_a_rebalance_without_a_change_moves_nothing() -> None:
    group = Group(8)
    for number in range(3):
        group.members[f"m{number}"] = StickyNumbers()
    group.rebalance()
    before = dict(group.held)
    group.rebalance()
    assert group.held == before


def test_a_worker_that_was_away_does_not_take_back_what_others_got() -> None:
    group = Group(4)
    group.members = {"away": StickyNumbers(), "here": StickyNumbers()}
    group.rebalance()
    away = group.members.pop("away")
    group.rebalance()
    group.members["other"] = StickyNumbers()
    group.rebalance()
    before = dict(group.held)
    group.members["away"] = away
    group.rebalance()
    assert all(group.held[name] <= before[name] for name in ("here", "other"))
    assert len(group.held["away"]) == 1


def test_members_that_read_different_topics_get_only_their_own() -> None:
    one, two = StickyNumbers(), StickyNumbers()
    dealt = one.assign(
        Cluster(dict.fromkeys(TOPICS, 2)),
        {"one": one.metadata(["rows"]), "two": two.metadata(TOPICS)},
    )
    assert dict(dealt["two"].assignment)["events"] == [0, 1]
    assert "events" not in dict(dealt["one"].assignment)
    rows = [number for each in dealt.values() for number in dict(each.assignment).get("rows", [])]
    assert sorted(rows) == [0, 1]


def test_nothing_is_dealt_out_until_all_topics_that_are_read_together_are_known() -> None:
    one, other = StickyNumbers(), StickyNumbers()
    members = {"one": one.metadata(TOPICS), "other": other.metadata(["alone"])}
    dealt = one.assign(Cluster({"rows": 1, "alone": 1}), members)
    assert dealt["one"].assignment == []
    assert dealt["other"].assignment == [("alone", [0])]
