"""Content-Encoding of request and response bodies: lz4 and zstd frames, gzip, deflate, brotli."""

import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

import cramjam

from pipeline.local.clickhouse.errors import ClickHouseError

OFFERED: Final = ("lz4", "zstd", "gzip")
"""For responses, best first."""

_LZ4_MAGIC: Final = b"\x04\x22\x4d\x18"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP_WBITS: Final = 31
_ANY_WBITS: Final = 47


class Encoder(Protocol):
    """Encodes a body piece by piece."""

    def add(self, piece: bytes) -> bytes:
        """Return what can be sent once the piece is added; may be empty."""

    def end(self) -> bytes:
        """Return the rest."""


class Plain:
    """No encoding."""

    def add(self, piece: bytes) -> bytes:
        """Return the piece."""
        return piece

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class Gzip:
    """gzip, fastest level: the peer is on this machine."""

    def __init__(self) -> None:
        self._encoder = zlib.compressobj(1, wbits=_GZIP_WBITS)

    def add(self, piece: bytes) -> bytes:
        """Return the compressed bytes so far."""
        return self._encoder.compress(piece)

    def end(self) -> bytes:
        """Return the rest."""
        return self._encoder.flush()


class Framed:
    """One lz4 or zstd frame."""

    def __init__(self, compressor: Any) -> None:
        self._compressor = compressor

    def add(self, piece: bytes) -> bytes:
        """Return the compressed piece."""
        self._compressor.compress(piece)
        return bytes(self._compressor.flush())

    def end(self) -> bytes:
        """Return the end of the frame."""
        return bytes(self._compressor.finish())


def encoder(accepted: str) -> tuple[str | None, Encoder]:
    """Return the best encoding of an Accept-Encoding header and its encoder."""
    names = {part.split(";")[0].strip() for part in accepted.split(",")}
    best = next((name for name in OFFERED if name in names), None)
    if best == "lz4":
        return best, Framed(cramjam.lz4.Compressor())
    if best == "zstd":
        return best, Framed(cramjam.zstd.Compressor(level=1))
    return best, Gzip() if best == "gzip" else Plain()


def decode(body: bytes, encoding: str | None) -> bytes:
    """Undo a request's Content-Encoding; raises ClickHouseError for bytes it does not fit."""
    if not encoding or encoding == "identity" or not body:
        return body
    way = _DECODERS.get(encoding)
    if way is None:
        text = f"Unknown compression method '{encoding}'."
        raise ClickHouseError(89, "UNKNOWN_COMPRESSION_METHOD", text)
    try:
        return way(body)
    except (cramjam.DecompressionError, zlib.error) as error:
        text = f"The request body is no {encoding}: {error}"
        raise ClickHouseError(271, "CANNOT_DECOMPRESS", text) from None


def _frames(body: bytes, magic: bytes, way: Callable[[bytes], Any]) -> bytes:
    # Clients name an encoding and may send plain bytes all the same (an insert without data)
    return bytes(way(body)) if body.startswith(magic) else body


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "lz4": lambda body: _frames(body, _LZ4_MAGIC, cramjam.lz4.decompress),
    "zstd": lambda body: _frames(body, _ZSTD_MAGIC, cramjam.zstd.decompress),
    "gzip": lambda body: zlib.decompress(body, _ANY_WBITS),
    "deflate": lambda body: zlib.decompress(body, _ANY_WBITS),
    "br": lambda body: bytes(cramjam.brotli.decompress(body)),
}
