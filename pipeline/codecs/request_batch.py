"""Rows of web_logs as an event batch, without a query of polars.

One costs 50 to 100 microseconds however few the rows, and a millisecond while the cores are busy:
it is handed to another thread.
"""

from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Int64s, buffer_of
from pipeline.codecs.ids import hex128
from pipeline.codecs.request_kernels import tell_people, tell_requests
from pipeline.codecs.text_kernels import begin_with, cut_paths
from pipeline.codecs.text_views import TextViews, text_column, text_views

Flags = NDArray[np.bool_]

_API: Final = np.frombuffer(b"/api/", np.uint8)
_NO_FLAGS: Final[Flags] = np.zeros(0, bool)


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


def request_batch(decoded: pl.DataFrame) -> pl.DataFrame:
    """Return the event batch of decoded web_logs rows; texts are views into theirs."""
    paths = paths_of(decoded["url"], absolute=False)
    status = decoded["http_status"].cast(pl.Int32)
    write, page, failed_login = _requests(decoded, status, paths)
    actor, masqueraded = _people(decoded["user_id"], decoded["real_user_id"])
    key, session = hex128(decoded["id"]), hex128(decoded["session_id"])
    rows = decoded.height
    durations = decoded["interaction_micros"].to_numpy()
    program = _present(decoded["developer_key_id"])
    program = _of_programs(decoded) if program is None else program & _of_programs(decoded)
    return pl.DataFrame(
        [
            decoded["_offset"].alias("offset"),
            decoded["timestamp"].alias("time"),
            pl.Series("key_hi", key.hi),
            pl.Series("key_lo", key.lo),
            known_sessions(decoded["session_id"], session.valid),
            pl.Series("session_hi", session.hi),
            pl.Series("session_lo", session.lo),
            status.alias("status"),
            pl.Series("duration", np.maximum(durations, 0).astype(np.int64)),
            pl.Series("write", write),
            decoded["participated"],
            pl.Series("page", page),
            pl.Series("masqueraded", masqueraded),
            actor,
            decoded["user_id"].alias("user"),
            decoded["course_id"].alias("course"),
            decoded["developer_key_id"].alias("developer_key"),
            decoded["web_application_controller"].alias("controller"),
            decoded["web_application_action"].alias("action"),
            decoded["remote_ip"].alias("ip"),
            decoded["user_agent"],
            pl.Series("host", [None], dtype=pl.String).new_from_index(0, rows),
            text_column(paths).alias("path"),
            pl.Series("login", np.zeros(rows, np.int8)),
            decoded["id"].alias("request_id"),
            pl.Series("failed_login", failed_login),
            pl.Series("as_admin", np.zeros(rows, bool)),
            pl.Series("program", program),
        ]
    )


def known_sessions(texts: pl.Series, valid: Flags) -> pl.Series:
    """Return session ids, null where they are not 128 bits (semantics rule 1)."""
    if texts.null_count() == len(texts) - np.count_nonzero(valid):
        return texts.alias("session_id")
    wanted = pl.when(pl.Series(valid)).then(pl.col(texts.name)).alias("session_id")
    return texts.to_frame().select(wanted)["session_id"]


def paths_of(urls: pl.Series, *, absolute: bool) -> TextViews:
    """Return the paths of URLs, of such with scheme and host if ``absolute``."""
    texts = text_views(urls)
    paths = np.empty(2 * len(urls), np.int64)
    cut_paths(*texts, absolute, paths)
    return texts._replace(views=paths)


def _requests(
    decoded: pl.DataFrame, status: pl.Series, paths: TextViews
) -> tuple[Flags, Flags, Flags]:
    controllers = text_views(decoded["web_application_controller"])
    actions = text_views(decoded["web_application_action"])
    api = np.empty(decoded.height, bool)
    begin_with(paths.views, paths.data, _API, api)
    write, page, failed_login = np.empty((3, decoded.height), bool)
    tell_requests(
        status.to_numpy(),
        text_views(decoded["http_method"]).views,
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


def _people(users: pl.Series, real: pl.Series) -> tuple[pl.Series, Flags]:
    """Return the actors, and which of them are masqueraded."""
    rows = len(users)
    if real.null_count() == rows:
        return users.alias("actor"), np.zeros(rows, bool)
    actor, is_actor, masqueraded = np.empty(rows, np.int64), *np.empty((2, rows), bool)
    is_user, is_real = (
        _NO_FLAGS if (at := _present(each)) is None else at for each in (users, real)
    )
    tell_people(_longs(users), is_user, _longs(real), is_real, actor, is_actor, masqueraded)
    bits = None if is_actor.all() else buffer_of(np.packbits(is_actor, bitorder="little"))
    array = pa.Array.from_buffers(pa.int64(), rows, [bits, buffer_of(actor)])
    return pl.Series("actor", array), masqueraded


def _longs(column: pl.Series) -> Int64s:
    array: Any = column.to_arrow()
    return np.frombuffer(memoryview(array.buffers()[1]), np.int64, len(array), 8 * array.offset)


def _present(column: pl.Series) -> Flags | None:
    """Return which values are not null; None: all."""
    if not column.null_count():
        return None
    array: Any = column.to_arrow()
    bits = np.frombuffer(memoryview(array.buffers()[0]), np.uint8)
    flags = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
    return flags[array.offset :].view(np.bool_)


def _of_programs(decoded: pl.DataFrame) -> Flags:
    """Say which user agents are those of programs: by their first four letters.

    A view holds them beside the length. No agent at all is no program's: web_logs lose some.
    """
    heads = (text_views(decoded["user_agent"]).views[::2] >> 32).astype(np.int32)
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
