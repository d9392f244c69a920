"""Whether a downloaded file is whole, before anything of it is read."""

import gzip
import zlib
from pathlib import Path
from typing import Final

from pipeline.domain.errors import Unavailable

_BLOCK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"


def check_whole(path: Path) -> None:
    """Unpack a gzip file to its end, look for the end of a Parquet file.

    Raises Unavailable if it is cut off or damaged: it can be downloaded again.
    """
    with path.open("rb") as file:
        magic = file.read(len(_PARQUET))
        if magic == _PARQUET:
            file.seek(-len(_PARQUET), 2)
            if file.read() != _PARQUET:
                raise Unavailable("DAP: a Parquet file came without its end")
            return
    if not magic.startswith(_GZIP):
        return
    try:
        with gzip.open(path, "rb") as unpacked:
            while unpacked.read(_BLOCK):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Unavailable("DAP: a gzip file came without its end, or damaged") from None
