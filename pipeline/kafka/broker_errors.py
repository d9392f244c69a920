"""What aiokafka raises, told apart by whose fault it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiokafka import errors

from pipeline.domain.errors import Fenced, OurMistake, TelemetryError, Unavailable

_LOST: Final = (
    errors.ProducerFenced,
    errors.InvalidProducerEpoch,
    errors.InvalidProducerIdMapping,
    errors.InvalidTxnState,
    errors.OutOfOrderSequenceNumber,
    errors.UnknownProducerId,
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.IllegalStateError,
    # A producer that failed in the background answers the next call with these two.
    errors.IllegalOperation,
    AssertionError,
)
_MISTAKES: Final = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.OffsetMetadataTooLargeError,
    errors.InvalidTopicError,
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    errors.InvalidTransactionTimeout,
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.SaslAuthenticationFailed,
    errors.UnsupportedVersionError,
    errors.IncompatibleBrokerVersion,
    errors.PolicyViolationError,
    errors.InvalidReplicationFactorError,
    errors.InvalidConfigurationError,
)
# UnknownTopicOrPartitionError among them: a client says so too when no broker answered while it
# asked where a partition is. A missing topic is found by asking for it (``require_topics``).
_SILENT: Final = (
    errors.KafkaError,
    errors.ConsumerStoppedError,
    TimeoutError,
    OSError,
)


@contextmanager
def broker_errors(doing: str) -> Iterator[None]:
    """Raise Fenced, OurMistake or Unavailable for what the client library raises inside.

    ``doing`` names the action in the message, for example "The commit of sessionize 3".
    """
    try:
        yield
    except TelemetryError:
        raise
    except _LOST as error:
        raise Fenced(f"{doing} was refused: {_says(error)}.") from error
    except _MISTAKES as error:
        raise OurMistake(f"{doing} is impossible: {_says(error)}.") from error
    except _SILENT as error:
        raise Unavailable(f"{doing} got no answer: {_says(error)}.") from error


def as_ours(error: BaseException, doing: str) -> BaseException:
    """Return what ``broker_errors`` makes of an error of the client library; others as they are."""
    if not isinstance(error, errors.KafkaError):
        return error
    try:
        with broker_errors(doing):
            raise error
    except TelemetryError as ours:
        return ours


def _says(error: BaseException) -> str:
    """Return the error's class, once, and its words; aiokafka's own often begin with the class."""
    name, words = type(error).__name__, str(error)
    return (words if name in words else f"{name} {words}").strip().rstrip(".")
