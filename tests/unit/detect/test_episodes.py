"""Flagged minutes become episodes."""

from pipeline.detect.episodes import Episode, EpisodeBook, Peak

QUIET = 10


def peak(minute: int, weight: float = 1.0) -> Peak:
    return Peak(minute, 1, "errors", 5, 1, 4, 1e-9, weight)


def flagged(*minutes: int) -> tuple[EpisodeBook, list[Episode]]:
    book, ended = EpisodeBook(QUIET), []
    for minute in minutes:
        ended += book.settle(minute)
        book.flag("rule", "key", minute, minute, peak(minute, minute))
    return book, ended


def test_flags_at_most_the_quiet_time_apart_are_one_episode() -> None:
    book, ended = flagged(100, 101, 111)
    assert not ended
    assert [(e.first, e.last, e.flagged) for e in book] == [(100, 111, 3)]


def test_a_longer_silence_ends_an_episode() -> None:
    book, ended = flagged(100, 112)
    assert [(e.first, e.last) for e in ended] == [(100, 100)]
    assert [(e.first, e.ended) for e in book] == [(100, True), (112, False)]


def test_the_peak_is_the_strongest_window() -> None:
    book, _ = flagged(100, 101, 102)
    assert next(iter(book)).peak.minute == 102


def test_ended_episodes_are_forgotten_after_a_while() -> None:
    book, _ = flagged(100)
    assert book.settle(111)
    assert book
    book.settle(130)
    assert not book


def test_an_episode_survives_json() -> None:
    book, _ = flagged(100, 105)
    episode = next(iter(book))
    episode.total("errors", 3)
    episode.part("a#b", 2)
    episode.sample(["r"], ["s"])
    episode.seen_in("web_logs")
    assert Episode.from_json(episode.to_json()) == episode


def test_a_copy_is_independent() -> None:
    book, _ = flagged(100)
    other = book.copy()
    other.flag("rule", "key", 101, 101, peak(101))
    next(iter(other)).total("errors", 1)
    assert [(e.last, e.totals) for e in book] == [(100, {})]


def test_neighbours_were_flagged_around_the_last_minute() -> None:
    """What ended long before may be forgotten already, so it must not count."""
    book = EpisodeBook(QUIET)
    for minute, rule in ((100, "old"), (105, "new"), (114, "new"), (116, "other")):
        book.settle(minute)
        book.flag(rule, "key", minute, minute, peak(minute))
    assert {episode.rule for episode in book} == {"old", "new", "other"}
    new = next(episode for episode in book if episode.rule == "new")
    assert [episode.rule for episode in book.neighbours(new)] == ["other"]
