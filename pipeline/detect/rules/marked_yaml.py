"""YAML documents with the lines of their keys, so that a mistake is named where it stands.

PyYAML keeps a mark (line and column) on every node it composes; values are made from the same
nodes. It takes a key that is given twice without a word, the last one counts: that is refused
here, as YAML itself does (YAML 1.2, 3.2.1.3: keys are unique).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

Path = tuple[int | str, ...]
"""Keys and list indexes from the top of a document down to a value."""


class Misread(NamedTuple):
    """What is wrong with the text, and in which line (from 1)."""

    line: int
    text: str


class MarkedYaml:
    """One document: its value, its mistakes, and the line of every path."""

    def __init__(self, text: str) -> None:
        self.value: Any = None
        self.misread: list[Misread] = []
        self._lines: dict[Path, int] = {(): 1}
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                self._walk(node, ())
                self.value = loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self.misread.append(Misread(line, f"not YAML: {error.problem or error.context}"))
        except yaml.YAMLError as error:
            self.misread.append(Misread(1, f"not YAML: {' '.join(str(error).split())}"))
        finally:
            loader.dispose()

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the innermost part of it that is there."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _walk(self, node: yaml.Node, path: Path) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for name, line, value in self._entries(node, path):
                self._lines[*path, name] = line
                self._walk(value, (*path, name))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._walk(item, (*path, index))

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, int, yaml.Node]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                where = ".".join(map(str, (*path, name)))
                self.misread.append(
                    Misread(line, f"key {where} is given twice, first in line {seen[name]}")
                )
            seen[name] = line
            yield name, line, value
