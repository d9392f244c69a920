"""Rows of web_logs as an event batch, without a query of polars.

One costs 50 to 100 microseconds however few the rows, and a millisecond while the cores are busy:
it is handed to another thread.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, Int64s
from pipeline.codecs.event_columns import EventColumns
from pipeline.codecs.ids import ids_of
from pipeline.codecs.request_kernels import tell_people, tell_requests
from pipeline.codecs.text_kernels import begin_with, cut_paths
from pipeline.codecs.text_views import ALL, Numbers, TextViews, text_views

Flags = NDArray[np.bool_]

_API: Final = np.frombuffer(b"/api/", np.uint8)
_NO_BYTES: Final[Bytes] = np.zeros(0, np.uint8)


def _view(text: bytes) -> bytes:
    return len(text).to_bytes(4, "little") + text.ljust(12, b"\0")


_KNOWN: Final = np.frombuffer(
    b"".join(
        map(
            _view,
            (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"ping", b"create", b"login/canvas"),
        )
    ),
    np.int64,
)


class Columns(Protocol):
    """Columns of decoded web_logs rows; nulls among texts are empty views."""

    @property
    def height(self) -> int:
        """How many rows there are."""

    def texts(self, name: str) -> TextViews:
        """Return a column of texts."""

    def numbers(self, name: str) -> Numbers:
        """Return a column of whole numbers or booleans."""


class FrameColumns(NamedTuple):
    """The columns of a frame of decoded rows."""

    decoded: pl.DataFrame

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.decoded.height

    def texts(self, name: str) -> TextViews:
        """Return a column of texts."""
        found = text_views(self.decoded[name])
        if not found.present.size:
            return found
        views = found.views.copy()
        views.reshape(-1, 2)[~found.present] = 0
        return found._replace(views=views)

    def numbers(self, name: str) -> Numbers:
        """Return a column of whole numbers or booleans."""
        column = self.decoded[name]
        if not column.null_count():
            return Numbers(column.to_numpy(), ALL)
        array: Any = column.to_arrow()
        values = np.frombuffer(
            memoryview(array.buffers()[1]), np.int64, len(array), 8 * array.offset
        )
        bits = np.frombuffer(memoryview(array.buffers()[0]), np.uint8)
        flags = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
        return Numbers(values, flags[array.offset :].view(np.bool_))


def request_columns(decoded: Columns, offsets: Int64s) -> EventColumns:
    """Return the event batch of decoded web_logs rows; texts are views into theirs."""
    rows, token = decoded.height, decoded.numbers("developer_key_id")
    key, session = ids_of(decoded.texts("id")), ids_of(decoded.texts("session_id"))
    texts = _texts(decoded, session.valid)
    status = decoded.numbers("http_status").values.astype(np.int32, copy=False)
    write, page, failed_login = _requests(status, decoded.texts("http_method"), texts)
    users, courses = decoded.numbers("user_id"), decoded.numbers("course_id")
    actors, masqueraded = _people(users, decoded.numbers("real_user_id"))
    durations = decoded.numbers("interaction_micros").values
    program = _of_programs(texts["user_agent"])
    plain: dict[str, NDArray[Any]] = {
        "offset": offsets,
        "time": decoded.numbers("timestamp").values,
        "key_hi": key.hi,
        "key_lo": key.lo,
        "session_hi": session.hi,
        "session_lo": session.lo,
        "status": status,
        "duration": np.maximum(durations, 0).astype(np.int64, copy=False),
        "write": write,
        "participated": decoded.numbers("participated").values.astype(bool, copy=False),
        "page": page,
        "masqueraded": masqueraded,
        "login": np.zeros(rows, np.int8),
        "failed_login": failed_login,
        "as_admin": np.zeros(rows, bool),
        "program": token.present & program if token.present.size else program,
    }
    numbers = {"actor": actors, "user": users, "course": courses, "developer_key": token}
    return EventColumns(rows, plain, numbers, texts)


def _texts(decoded: Columns, is_session: Flags) -> dict[str, TextViews]:
    rows = decoded.height
    return {
        "session_id": known_sessions(decoded.texts("session_id"), is_session),
        "controller": decoded.texts("web_application_controller"),
        "action": decoded.texts("web_application_action"),
        "ip": decoded.texts("remote_ip"),
        "user_agent": decoded.texts("user_agent"),
        "host": TextViews(np.zeros(2 * rows, np.int64), _NO_BYTES, np.zeros(rows, bool)),
        "path": paths_of(decoded.texts("url"), absolute=False),
        "request_id": decoded.texts("id"),
    }


def known_sessions(texts: TextViews, valid: Flags) -> TextViews:
    """Return session ids, null where they are not 128 bits (semantics rule 1)."""
    there = texts.present.sum() if texts.present.size else len(valid)
    if there == np.count_nonzero(valid):
        return texts
    views = texts.views.copy()
    views.reshape(-1, 2)[~valid] = 0
    return TextViews(views, texts.data, valid)


def paths_of(urls: TextViews, *, absolute: bool) -> TextViews:
    """Return the paths of URLs, of such with scheme and host if ``absolute``."""
    paths = np.empty(len(urls.views), np.int64)
    cut_paths(*urls, absolute, paths)
    return urls._replace(views=paths)


def _requests(
    status: NDArray[np.int32], methods: TextViews, texts: Mapping[str, TextViews]
) -> tuple[Flags, Flags, Flags]:
    paths, controllers, actions = (texts[name] for name in ("path", "controller", "action"))
    api = np.empty(len(status), bool)
    begin_with(paths.views, paths.data, _API, api)
    write, page, failed_login = np.empty((3, len(status)), bool)
    tell_requests(
        status,
        methods.views,
        controllers.views,
        controllers.present,
        actions.views,
        actions.present,
        api,
        _KNOWN,
        write,
        page,
        failed_login,
    )
    return write, page, failed_login


def _people(users: Numbers, real: Numbers) -> tuple[Numbers, Flags]:
    """Return the actors, and which of them are masqueraded."""
    rows = len(users.values)
    if real.present.size and not real.present.any():
        return users, np.zeros(rows, bool)
    actor, is_actor, masqueraded = np.empty(rows, np.int64), *np.empty((2, rows), bool)
    tell_people(*users, *real, actor, is_actor, masqueraded)
    return Numbers(actor, ALL if is_actor.all() else is_actor), masqueraded


def _of_programs(agents: TextViews) -> Flags:
    """Say which user agents are those of programs: by their first four letters.

    A view holds them beside the length. No agent at all is no program's: web_logs lose some.
    """
    heads = (agents.views[::2] >> 32).astype(np.int32)
    programs: Flags = heads != 0
    for head in _PEOPLE:
        programs &= heads != head
    return programs


_PEOPLE: Final = tuple(
    int.from_bytes(head, "little")
    for head in (b"Mozi", b"iCan", b"iosT", b"iosP", b"cand", b"andr")
)
"""Browsers (Mozilla/5.0), and Canvas's apps for students, teachers and parents on both systems:
iCanvas, iosTeacher, iosParent, candroid, androidTeacher, androidParent."""
