"""What an agent does to records before they leave it, besides redaction."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipeline.codecs.privacy import Privacy


@dataclass(frozen=True, slots=True)
class Protection:
    """Pseudonyms for people and sealed originals of dead letters; each only if configured."""

    privacy: Privacy | None = None
    seal: Callable[[bytes], bytes] | None = None

    def applied(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return records as they may be published."""
        return frame if self.privacy is None else self.privacy.applied(frame)
