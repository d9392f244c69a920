"""What a live agent counts while it runs; its metrics are read from here."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class AgentFigures:
    """Counts since the process started; one object through all restarts of the publisher.

    ``rows`` counts by outcome (read, published, deletes, dead, …; read is the sum of the others),
    ``requests`` what was asked of Canvas, or by Canvas, by outcome. ``waiting`` rows are read and
    not published. ``newest`` is the largest event time published, ``mark`` the last mark, both
    in microseconds. ``ready`` says that the agent works; ``restarts`` counts failures of Kafka
    or Canvas that it began anew after.
    """

    rows: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    newest: int | None = None
    mark: int | None = None
    ready: bool = False
    restarts: int = 0

    def saw(self, instant: int | None) -> None:
        """Take an event time that was published."""
        if instant is not None:
            self.newest = instant if self.newest is None else max(self.newest, instant)
