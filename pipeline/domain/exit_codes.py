"""How a process ends: exit codes, after sysexits.h where it has one.

``docs/operations.md`` lists them for supervisors.
"""

from enum import IntEnum

from pipeline.domain.errors import (
    Fenced,
    OurMistake,
    TooManyBadRecords,
    Unavailable,
)


class ExitCode(IntEnum):
    """What the process's end means to whoever started it."""

    STOPPED = 0  # done, or asked to stop: committed and left
    DIFFERENCES = 1  # a check found differences; the demo's totals do not add up
    BAD_RECORDS = 65  # too many bad records: the code is wrong, not the data
    UNAVAILABLE = 69  # a server stayed away beyond the limit: start again later
    FAILED = 70  # an error of this program: the log line names it; start again
    FENCED = 75  # others took the tasks over again and again: start again, check the ids
    MISTAKE = 78  # configuration, schema or topics: starting again does not help
    STOP_LIMIT = 124  # did not manage to stop in time and was cut off
    HUNG = 125  # the event loop stood still beyond the limit and was cut off


def exit_code(error: BaseException | None) -> ExitCode:
    """Return the code for the error that ended a worker."""
    match error:
        case None:
            return ExitCode.STOPPED
        case OurMistake():
            return ExitCode.MISTAKE
        case TooManyBadRecords():
            return ExitCode.BAD_RECORDS
        case Unavailable():
            return ExitCode.UNAVAILABLE
        case Fenced():
            return ExitCode.FENCED
        case _:
            return ExitCode.FAILED
