"""Traits of the rows of a batch: of thousands of rows only the few with one are looked at."""

from typing import Final

import numpy as np

from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.counts import Counted
from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.few_rows import I32
from pipeline.domain.feeds import COURSE_AUDIT, WEB_LOGS, Feed

_LOGGED_IN: Final = 1


def column_traits(feed: Feed, batch: BatchColumns, rows: Counted) -> I32:
    """Return the traits that stand in columns, those by which rows are picked out."""
    found = rows.masqueraded * np.int32(traits.MASQUERADED)
    if feed == WEB_LOGS:
        found |= (rows.status == 401) * np.int32(traits.UNAUTHORISED)
        found |= ((rows.status == 403) | (rows.status == 429)) * np.int32(traits.THROTTLED)
        found |= batch.plain("failed_login") * np.int32(traits.FAILED_LOGIN)
        found |= batch.plain("program") * np.int32(traits.PROGRAM)
        return found
    if feed != COURSE_AUDIT:
        found |= (batch.plain("login") == _LOGGED_IN) * np.int32(traits.LOGIN)
    found[batch.having("fact")] |= np.int32(traits.FACT)
    return found
