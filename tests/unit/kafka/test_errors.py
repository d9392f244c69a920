"""What goes wrong is told apart by whose fault it is, down to the exit code."""

import pytest
from aiokafka import errors

from pipeline.domain.errors import (
    Fenced,
    OurMistake,
    SettingsError,
    TelemetryError,
    TooManyBadRecords,
    Unavailable,
)
from pipeline.domain.exit_codes import ExitCode, exit_code
from pipeline.kafka.broker_errors import as_ours, broker_errors


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (errors.ProducerFenced(), Fenced),
        (errors.CommitFailedError(), Fenced),
        (errors.MessageSizeTooLargeError(), OurMistake),
        (errors.TopicAuthorizationFailedError("numbers"), OurMistake),
        (errors.AuthenticationFailedError(), OurMistake),
        (errors.KafkaConnectionError(), Unavailable),
        (errors.KafkaError("Unexpected error"), Unavailable),
        (errors.UnknownTopicOrPartitionError(), Unavailable),
        (TimeoutError(), Unavailable),
        (ConnectionResetError(), Unavailable),
    ],
)
def test_library_errors_become_ours(raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"^The commit ") as caught, broker_errors("The commit"):
        raise raised
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    "raised",
    [
        errors.KafkaConnectionError("broker 1"),
        errors.RequestTimedOutError(),
        errors.ProducerFenced("gone"),
        ConnectionResetError("peer"),
        TimeoutError(),
    ],
)
def test_a_message_names_the_error_s_class_once(raised: Exception) -> None:
    with pytest.raises(TelemetryError) as caught, broker_errors("The commit"):
        raise raised
    assert str(caught.value).count(type(raised).__name__) == 1


def test_an_error_raised_far_away_is_told_apart_the_same_way() -> None:
    lost = as_ours(errors.KafkaConnectionError("broker 1"), "The consumer")
    assert type(lost) is Unavailable
    assert str(lost).startswith("The consumer got no answer")
    mistake = AssertionError()
    assert as_ours(mistake, "The consumer") is mistake


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), broker_errors("The commit"):
        raise ZeroDivisionError
    with pytest.raises(TooManyBadRecords), broker_errors("The commit"):
        raise TooManyBadRecords


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, ExitCode.STOPPED),
        (SettingsError(), ExitCode.MISTAKE),
        (Unavailable(), ExitCode.UNAVAILABLE),
        (Fenced(), ExitCode.FENCED),
        (TooManyBadRecords(), ExitCode.BAD_RECORDS),
        (ZeroDivisionError(), ExitCode.FAILED),
    ],
)
def test_every_end_has_its_code(error: BaseException | None, code: ExitCode) -> None:
    assert exit_code(error) is code
