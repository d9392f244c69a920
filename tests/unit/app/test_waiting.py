"""A run that waits for its stages does not wait for ever."""

import pytest

from pipeline.app.catching_up import SILENCE_LIMIT_S, STANDSTILL_LIMIT_S, Waiting
from pipeline.domain.errors import Unavailable

AWAY = Unavailable("Kafka got no answer.")


def test_brokers_that_stay_away_end_the_wait_with_their_own_words() -> None:
    waiting = Waiting()
    waiting.unanswered(AWAY, 0.0)
    waiting.unanswered(AWAY, SILENCE_LIMIT_S)
    with pytest.raises(Unavailable, match="no answer"):
        waiting.unanswered(AWAY, SILENCE_LIMIT_S + 0.1)


def test_an_answer_ends_the_silence() -> None:
    waiting = Waiting()
    waiting.unanswered(AWAY, 0.0)
    waiting.behind({"sink": 1}, SILENCE_LIMIT_S)
    waiting.unanswered(AWAY, SILENCE_LIMIT_S + 1)
    waiting.unanswered(AWAY, 2 * SILENCE_LIMIT_S)


def test_a_stage_that_gets_on_no_more_ends_the_wait_by_name() -> None:
    waiting = Waiting()
    waiting.behind({"detect": 7}, 0.0)
    waiting.behind({"detect": 7}, STANDSTILL_LIMIT_S)
    with pytest.raises(Unavailable, match="detect has been 7 offsets behind"):
        waiting.behind({"detect": 7}, STANDSTILL_LIMIT_S + 0.1)


def test_a_stage_that_gets_on_is_waited_for() -> None:
    waiting = Waiting()
    for number in range(10):
        waiting.behind({"detect": 10 - number}, number * STANDSTILL_LIMIT_S)
