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
    errors.UnknownTopicOrPartitionError,
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


def _says(error: BaseException) -> str:
    """Return the error's class, once, and its words; aiokafka's own often begin with the class."""
    name, words = type(error).__name__, str(error)
    return (words if name in words else f"{name} {words}").strip().rstrip(".")
