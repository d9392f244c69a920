"""Splits a stream of JSON text into its values: elements of arrays, or objects one after another.

Only brackets and strings are looked at, so what is wrong inside a value stays inside it.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]|"', re.DOTALL)
_BETWEEN: Final = b" \t\r\n,"


class JsonSplitter:
    """Takes bytes as they come, gives values as they are complete.

    An array around everything is opened up: its elements are the values. Bytes between values
    that are no value (a stray word, a closing bracket too many) are given too, so that nothing is
    lost; they are no JSON then. ``limit`` bounds what is held of one value: a longer one is given
    in pieces.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = b""
        self._scanned = 0
        self._depth = 0
        self._start: int | None = None
        self._array: bool | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the values that are complete now."""
        self._held += data
        values = self._scan()
        if len(self._held) > self._limit:
            values.append(self._held)
            self._held, self._scanned, self._depth, self._start = b"", 0, 0, None
        return values

    def finish(self) -> list[bytes]:
        """Return what is left when the stream ends, an incomplete value included."""
        rest = self._held.strip(_BETWEEN)
        self._held, self._scanned = b"", 0
        if self._array and rest == b"]":
            rest = b""
        return [rest] if rest else []

    def _scan(self) -> list[bytes]:
        values: list[bytes] = []
        done = 0
        held = self._held
        if self._array is None:
            opening = held.lstrip()
            if not opening:
                return values
            self._array = opening.startswith(b"[")
            if self._array:
                done = self._scanned = held.index(b"[") + 1
        end = self._scanned
        for token in _TOKEN.finditer(held, self._scanned):
            text = token[0]
            if text == b'"':
                # A string that is not complete yet: it is read again with what follows.
                end = token.start()
                break
            end = token.end()
            if text in (b"{", b"["):
                if self._depth == 0:
                    values += self._stray(held[done : token.start()])
                    done = self._start = token.start()
                self._depth += 1
            elif text in (b"}", b"]") and self._depth:
                self._depth -= 1
                if self._depth == 0:
                    values.append(held[self._start : end])
                    done, self._start = end, None
        else:
            end = max(end, self._settled(held, end))
        self._held, self._scanned = held[done:], end - done
        self._start = None if self._start is None else self._start - done
        return values

    def _settled(self, held: bytes, end: int) -> int:
        """Return up to where nothing can become a token any more."""
        return len(held) if b'"' not in held[end:] else end

    def _stray(self, between: bytes) -> list[bytes]:
        stray = between.strip(_BETWEEN)
        return [stray] if stray and stray != b"]" else []
