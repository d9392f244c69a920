"""The few rows of a batch that have traits, and what they say as texts."""

from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pipeline.aggregate import path_kernels
from pipeline.aggregate.arrow_texts import I64, Texts
from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.counts import Counted
from pipeline.aggregate.dimensions import traits

I32 = npt.NDArray[np.int32]

_DOWNLOAD: Final = np.frombuffer(b"/download", np.uint8)


class FewRows(NamedTuple):
    """Rows of an event batch at some positions; columns are read at them alone."""

    columns: BatchColumns
    positions: I64
    traits: I32

    def text(self, name: str) -> Texts:
        """Return a column of texts of the event batch, a null as a blank one."""
        return self.columns.text(name, self.positions)[0]

    def known(self, name: str) -> npt.NDArray[np.bool_] | None:
        """Return where a column of whole numbers has one; None: everywhere."""
        return self.columns.number(name, self.positions)[1]

    def detailed(self, rows: Counted) -> Self:
        """Return the rows with the traits that are worked out for few rows only."""
        at, one = self.positions, np.int32(1)
        found = self.traits | rows.writes[at] * (one * traits.WRITE)
        found |= (rows.status[at] < 400) * (one * traits.ANSWERED)
        masqueraded = rows.masqueraded[at]
        found |= ~masqueraded * (one * traits.OWN)
        places, few = self._with(traits.FILE)
        if len(places):
            ending = np.empty(len(places), bool)
            path_kernels.end_with(*few.text("path"), _DOWNLOAD, ending)
            found[places[ending]] |= traits.DOWNLOAD
            known = few.known("actor")
            if known is not None:
                found[places[ending & ~known]] |= traits.ANONYMOUS_DOWNLOAD
        places, few = self._with(traits.ADMIN)
        if len(places):
            keyed = few.known("developer_key")
            found[places if keyed is None else places[keyed]] |= traits.TOKEN_USE
        if masqueraded.any():
            found |= self.columns.flag("as_admin", at) * (one * traits.AS_ADMIN)
        places, few = self._with(traits.FACT)
        if len(places):
            said = few.text("fact").series().to_list()
            found[places] |= np.array([traits.FACTS.get(fact, 0) for fact in said], np.int32)
        return self._replace(traits=found)

    def _with(self, trait: int) -> tuple[I64, Self]:
        places = np.flatnonzero(self.traits & trait)
        return places, self.at(places)

    def at(self, places: I64) -> Self:
        """Return those at some places among these rows."""
        return self._replace(positions=self.positions[places], traits=self.traits[places])
