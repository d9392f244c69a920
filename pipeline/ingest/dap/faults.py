"""What the client library raises → errors by whose fault they are.

The library tells errors apart by the shape of their JSON, so that DAP's SnapshotRequired comes as
its OutOfRangeError, and what DAP sends under another status than documented as something general.
The ``type`` inside says what was meant.
"""

from datetime import datetime
from typing import Any, Final

import aiohttp
import jwt
from dap.api import DAPClientError
from dap.dap_error import (
    AuthenticationError,
    NotFoundError,
    OperationError,
    ServerError,
    ValidationError,
)
from strong_typing.exception import JsonKeyError, JsonTypeError, JsonValueError

from pipeline.codecs.redaction import redact_text
from pipeline.domain.errors import OurMistake, TelemetryError, Unavailable
from pipeline.ingest.spool import NO_ROOM

LIBRARY_ERRORS: Final = (
    *(OperationError, ServerError, DAPClientError, aiohttp.ClientError, TimeoutError, OSError),
    # An answer in another shape than the library expects.
    *(TypeError, ValueError, LookupError, jwt.PyJWTError),
    *(JsonKeyError, JsonTypeError, JsonValueError),
)
"""What the library raises, and ``fault_of`` explains."""

_STATES: Final = {
    "AccountNotOnboarded": "this account does not have DAP yet: ask Instructure to onboard it",
    "AccountDisabled": "DAP is disabled for this account: ask Instructure why",
    "RequestTypeForbidden": (
        "this key may not ask that: if it may not take a snapshot, begin with --since"
    ),
}
_REFUSED: Final = (
    "DAP does not accept the client id and secret: make a new API key in Instructure's identity "
    "service, and mind that a shell reads the # of a client id as a comment"
)
_DISK_FULL: Final = (
    "the disk of the spool is full: nothing of this download is published or lost; make room, or "
    "set another spool directory, and start again"
)
_RANGE: Final = frozenset({"OutOfRange", "SnapshotRequired"})
_PASSING: Final = frozenset({"job", "object"})


class Gone(Unavailable):
    """A job or an object has expired: the window has to be asked for again."""


class OutOfReach(OurMistake):
    """DAP no longer has what was asked for; ``since`` is the earliest it has, if it says so."""

    def __init__(self, kind: str, since: datetime | None) -> None:
        super().__init__(f"DAP refuses: {kind}")
        self.kind = kind
        self.since = since


class Refused(OurMistake):
    """DAP does not accept the key."""


def fault_of(error: BaseException) -> TelemetryError:
    """Return what an error of the library means."""
    kind = _kind(error)
    if kind in _RANGE:
        return OutOfReach(kind, getattr(error, "since", None))
    if kind in _STATES:
        return OurMistake(f"DAP refuses ({kind}): {_STATES[kind]}")
    match error:
        case AuthenticationError():
            return Refused(_REFUSED)
        case NotFoundError() if error.kind.lower() in _PASSING:
            return Gone(f"the {error.kind.lower()} has expired")
        case NotFoundError():
            fault: TelemetryError = OurMistake(f"DAP knows no {error.kind} {error.id} for this key")
        case ValidationError():
            fault = OurMistake(f"DAP finds the request wrong: {redact_text(error.message)}")
        case OSError() if error.errno in NO_ROOM:
            fault = OurMistake(_DISK_FULL)
        case _:
            fault = Unavailable(f"DAP: {_words(error, kind)}")
    return fault


def _kind(error: BaseException) -> str:
    """Return the type that DAP names, without package and suffix."""
    if isinstance(error, ServerError):
        named: Any = error.body.get("type") if isinstance(error.body, dict) else None
    else:
        named = getattr(error, "type", None)
    if not isinstance(named, str):
        return ""
    return named.rpartition(".")[2].removesuffix("Error").removesuffix("Exception")


def _words(error: BaseException, kind: str) -> str:
    """Say what happened without addresses: those of downloads are secrets."""
    if isinstance(error, OperationError):
        return redact_text(f"{kind} {error.uuid} {error.message}".strip())
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP status {error.status}"
    return kind or type(error).__name__
