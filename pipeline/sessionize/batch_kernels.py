"""The loop that lays the columns of a batch out as the rows that ``row_kernels`` takes."""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.sessionize import layout as at
from pipeline.sessionize import row_kernels as row
from pipeline.sessionize.text_kernels import mixed

_SIGN = np.uint64(1 << 63)
_COURSE = 1 << row.HAS_MEMBER + at.COURSES
_CONTROLLER = 1 << row.HAS_MEMBER + at.CONTROLLERS
_IP = 1 << row.HAS_MEMBER + at.IPS
_AGENT = 1 << row.HAS_MEMBER + at.USER_AGENTS
_USER = 1 << row.HAS_MEMBER + at.USERS
_TARGET = 1 << row.HAS_MEMBER + at.MASQUERADE_TARGETS
_KEY = 1 << row.HAS_MEMBER + at.DEVELOPER_KEYS
_LONGS = types.Array(types.int64, 1, "C", readonly=True)
_HASHES = types.Array(types.uint64, 1, "C", readonly=True)
_FLAGS = types.Array(types.boolean, 1, "C", readonly=True)
_INTS = types.Array(types.int32, 1, "C", readonly=True)
_BYTES = types.Array(types.int8, 1, "C", readonly=True)


@numba.njit(
    types.void(
        *[_LONGS] * 3, _INTS, _BYTES, *[_HASHES] * 4, *[_FLAGS] * 6,
        *[_LONGS] * 4, *[_FLAGS] * 4, *[_HASHES] * 3, *[_FLAGS] * 3,
        types.int64[:, ::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def lay_out(
    times: Any, offsets: Any, durations: Any, statuses: Any, logins: Any,
    id_high: Any, id_low: Any, key_high: Any, key_low: Any,
    page: Any, write: Any, participated: Any, masqueraded: Any,
    has_session: Any, has_path: Any,
    actors: Any, courses: Any, users: Any, developer_keys: Any,
    has_actor: Any, has_course: Any, has_user: Any, has_developer_key: Any,
    controllers: Any, ips: Any, agents: Any,
    has_controller: Any, has_ip: Any, has_agent: Any,
    matrix: Any,
) -> None:  # fmt: skip
    """Fill in the matrix; ``has_…`` say which values are there, empty ones that all are.

    Members that are not there get a number that nobody reads. About 30 ns a row.
    """
    for i in range(len(matrix)):
        says = page[i] * row.PAGE | write[i] * row.WRITE | participated[i] * row.PARTICIPATED
        says |= masqueraded[i] * row.MASQUERADED
        if len(has_session) == 0 or has_session[i]:
            says |= row.HAS_SESSION
        if len(has_path) == 0 or has_path[i]:
            says |= row.HAS_PATH
        if len(has_actor) == 0 or has_actor[i]:
            says |= row.HAS_ACTOR
        if len(has_course) == 0 or has_course[i]:
            says |= _COURSE
        if len(has_user) == 0 or has_user[i]:
            says |= _USER | masqueraded[i] * _TARGET
        if len(has_developer_key) == 0 or has_developer_key[i]:
            says |= _KEY
        if len(has_controller) == 0 or has_controller[i]:
            says |= _CONTROLLER
        if len(has_ip) == 0 or has_ip[i]:
            says |= _IP
        if len(has_agent) == 0 or has_agent[i]:
            says |= _AGENT
        if logins[i] == 1:
            says |= row.LOGIN
        elif logins[i] == 2:
            says |= row.LOGOUT
        matrix[i, row.TIME] = times[i]
        matrix[i, row.KEY_HIGH] = np.int64(key_high[i] ^ _SIGN)
        matrix[i, row.KEY_LOW] = np.int64(key_low[i] ^ _SIGN)
        matrix[i, row.ID_HIGH] = np.int64(id_high[i])
        matrix[i, row.ID_LOW] = np.int64(id_low[i])
        matrix[i, row.ID_HASH] = np.int64(mixed(id_high[i] ^ mixed(id_low[i])))
        matrix[i, row.OFFSET] = offsets[i]
        matrix[i, row.DURATION] = durations[i]
        matrix[i, row.STATUS] = statuses[i]
        matrix[i, row.ACTOR] = actors[i]
        matrix[i, row.SAYS] = says
        person = np.int64(mixed(np.uint64(users[i])))
        matrix[i, row.MEMBERS + at.COURSES] = np.int64(mixed(np.uint64(courses[i])))
        matrix[i, row.MEMBERS + at.CONTROLLERS] = np.int64(controllers[i])
        matrix[i, row.MEMBERS + at.IPS] = np.int64(ips[i])
        matrix[i, row.MEMBERS + at.USER_AGENTS] = np.int64(agents[i])
        matrix[i, row.MEMBERS + at.USERS] = person
        matrix[i, row.MEMBERS + at.MASQUERADE_TARGETS] = person
        matrix[i, row.MEMBERS + at.DEVELOPER_KEYS] = np.int64(mixed(np.uint64(developer_keys[i])))
