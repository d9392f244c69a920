"""A process that starts again after a crash should work soon: what it never uses stays out."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

PANDAS: Final = "pandas"


class _LeftOut(MetaPathFinder, Loader):
    """Finds pandas, so that asking whether it is installed works, and refuses to import it."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Answer for pandas alone."""
        del path, target
        return ModuleSpec(fullname, self) if fullname == PANDAS else None

    def exec_module(self, module: ModuleType) -> None:
        """Refuse, as if it were not installed."""
        raise ModuleNotFoundError("pandas is left out", name=module.__name__)


def leave_out_pandas() -> None:
    """Keep Arrow from importing pandas, which it does where it is installed.

    That takes a quarter of a process's start (about 1 CPU second), and no command uses it. Does
    nothing if pandas is imported already.
    """
    if PANDAS not in sys.modules and not any(isinstance(each, _LeftOut) for each in sys.meta_path):
        sys.meta_path.insert(0, _LeftOut())
