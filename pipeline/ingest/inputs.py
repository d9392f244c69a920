"""Paths on the command line → files to read."""

import glob
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from pipeline.domain.errors import OurMistake
from pipeline.ingest.formats import WEB_LOG_FORMATS, suffix_of
from pipeline.ingest.spool import room_on

STDIN: Final = "-"
_SUFFIXES: Final = frozenset(suffix for known in WEB_LOG_FORMATS for suffix in known.suffixes)


class InputFile(NamedTuple):
    """A file to read; ``name`` is what records and messages call it."""

    path: Path
    name: str


def expand_inputs(paths: Sequence[str], stdin: BinaryIO | None, directory: Path) -> list[InputFile]:
    """Return the files that paths, globs, directories and ``-`` stand for, each once.

    Files keep the order of the arguments, those of one glob or directory are sorted; from a
    directory come the files whose suffix is an export format's. Standard input is copied to
    ``directory`` first, because its content must be known before any of it is published. Raises
    OurMistake for what is not there.
    """
    found: dict[Path, InputFile] = {}
    for text in paths:
        if text == STDIN:
            copy = _copy_of(stdin, directory)
            found[copy] = InputFile(copy, "stdin")
            continue
        for path in _expand(text):
            found.setdefault(path.resolve(), InputFile(path, path.name))
    if not found:
        raise OurMistake("there is no file to read: name files, directories, globs or -")
    return list(found.values())


def _expand(text: str) -> Iterator[Path]:
    if Path(text).exists():
        matches = [Path(text)]
    else:
        matches = [Path(match) for match in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207
    if not matches:
        raise OurMistake(f"there is no file {text}")
    for match in matches:
        if not match.is_dir():
            yield match
            continue
        files = [path for path in sorted(match.rglob("*")) if _is_export(path)]
        if not files and len(matches) == 1:
            raise OurMistake(f"{text} holds no file of {', '.join(sorted(_SUFFIXES))}")
        yield from files


def _is_export(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and suffix_of(path) in _SUFFIXES


def _copy_of(stdin: BinaryIO | None, directory: Path) -> Path:
    if stdin is None:
        raise OurMistake("there is no standard input to read")
    copy = directory / "stdin"
    with room_on(directory), copy.open("wb") as file:
        shutil.copyfileobj(stdin, file, 1 << 20)
    return copy
