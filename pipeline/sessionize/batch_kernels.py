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
    high: Any, low: Any, key_high: Any, key_low: Any,
    page: Any, write: Any, participated: Any, masqueraded: Any, session: Any, path: Any,
    actors: Any, courses: Any, users: Any, developer_keys: Any,
    actor: Any, course: Any, user: Any, developer_key: Any,
    controllers: Any, ips: Any, agents: Any,
    controller: Any, ip: Any, agent: Any,
    matrix: Any,
) -> None:  # fmt: skip
    """Fill in the matrix; plural names are values, singular ones say which are there.

    None named: all are. Members that are not there get a number that nobody reads. About 30 ns a
    row.
    """
    for i in range(len(matrix)):
        says = page[i] * row.PAGE | write[i] * row.WRITE | participated[i] * row.PARTICIPATED
        says |= masqueraded[i] * row.MASQUERADED
        if len(session) == 0 or session[i]:
            says |= row.HAS_SESSION
        if len(path) == 0 or path[i]:
            says |= row.HAS_PATH
        if len(actor) == 0 or actor[i]:
            says |= row.HAS_ACTOR
        if len(course) == 0 or course[i]:
            says |= _COURSE
        if len(user) == 0 or user[i]:
            says |= _USER | masqueraded[i] * _TARGET
        if len(developer_key) == 0 or developer_key[i]:
            says |= _KEY
        if len(controller) == 0 or controller[i]:
            says |= _CONTROLLER
        if len(ip) == 0 or ip[i]:
            says |= _IP
        if len(agent) == 0 or agent[i]:
            says |= _AGENT
        if logins[i] == 1:
            says |= row.LOGIN
        elif logins[i] == 2:
            says |= row.LOGOUT
        matrix[i, row.TIME] = times[i]
        matrix[i, row.KEY_HIGH] = np.int64(key_high[i] ^ _SIGN)
        matrix[i, row.KEY_LOW] = np.int64(key_low[i] ^ _SIGN)
        matrix[i, row.ID_HIGH] = np.int64(high[i])
        matrix[i, row.ID_LOW] = np.int64(low[i])
        matrix[i, row.ID_HASH] = np.int64(mixed(high[i] ^ mixed(low[i])))
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
