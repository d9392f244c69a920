"""The step of the univariate detector: one value of one series against what the series taught."""

import math
from typing import Any

import numba
import numpy as np
from numba import types

_STATE = types.float64[::1]
_BINS = types.float64[:, ::1]
_RING = types.float64[::1]

SEEN, LAST, LEVEL, SLOW, LOWEST, HIGHEST, SPREAD, MOVES, RANK = range(9)
"""Values seen; the last one; short and long moving mean; extremes; moving mean of the distance from
the long mean and of the steps; place in the ring."""

OFFSET_DAY, OFFSET_WEEK = 9, 10
"""Moving mean of what the seasons miss just now."""

MISS_0 = 11
PREDICTORS = 4
"""Moving mean error of: the last value, the short mean, the time of day, the hour of the week."""

TAIL_0 = MISS_0 + PREDICTORS
TAIL_FIELDS = 6
SCALE, CUT, EXCESS, SQUARE, COUNT, OVER = range(TAIL_FIELDS)
"""Of each statistic: its moving mean, the high quantile, first and second moment beyond it, how
many values, how many beyond the quantile."""

STATISTICS = 3
"""The step's error, the mean of the recent errors, the recent restlessness."""

FIELDS = TAIL_0 + STATISTICS * TAIL_FIELDS

SHORT = 12
"""Values of a recent mean."""

LONG = 24
"""Values of the ring: the recent restlessness."""

DAY_BINS = 288
WEEK_BINS = 168
WARM = 200
"""Values before anything is judged."""

_BEYOND = 0.05
"""Share of values beyond the high quantile."""

_LEAST_OVER = 8
_OUT_OF_RANGE = 0.05
"""Numenta's detector takes what lies so far out of the range seen as strange in itself."""


@numba.njit(types.float64(types.float64, _STATE, types.int64), cache=True)
def _strangeness(value: Any, state: Any, at: Any) -> Any:
    """Return -log10 of the chance of a statistic so large, then learn it.

    Peaks over threshold: beyond a high quantile the excess is generalised Pareto, its parameters by
    the method of moments (Hosking and Wallis 1987). What was very strange is learned shortened.
    """
    count, cut = state[at + COUNT], state[at + CUT]
    excess, over = state[at + EXCESS], state[at + OVER]
    strange = 0.0
    beyond = value - cut
    if count >= WARM and over >= _LEAST_OVER and beyond > 0.0 and excess > 0.0:
        variance = max(state[at + SQUARE] - excess * excess, 0.01 * excess * excess)
        shape = min(max(0.5 * (1.0 - excess * excess / variance), 0.0), 0.4)
        scale = max(excess * (1.0 - shape), 1e-300)
        if shape < 0.01:
            strange = -math.log10(_BEYOND) + beyond / scale / math.log(10.0)
        else:
            strange = -math.log10(_BEYOND) + math.log10(1.0 + shape * beyond / scale) / shape
    state[at + COUNT] = count + 1.0
    if count < 1.0:
        state[at + CUT] = value
        return strange
    step = max(0.02, 1.0 / (count + 1.0))
    size = max(cut, 1e-12)
    if beyond > 0.0:
        state[at + CUT] = cut + step * (1.0 - _BEYOND) * size
        if count >= 20.0:
            rate = max(0.01, 1.0 / (over + 1.0))
            learned = beyond if over < _LEAST_OVER else min(beyond, 10.0 * max(excess, 1e-12))
            state[at + EXCESS] = excess + rate * (learned - excess)
            state[at + SQUARE] += rate * (learned * learned - state[at + SQUARE])
            state[at + OVER] = over + 1.0
    else:
        state[at + CUT] = max(cut - step * _BEYOND * size, 0.0)
    return strange


@numba.njit(types.float64(types.float64, _STATE, types.int64), cache=True)
def _scaled(value: Any, state: Any, at: Any) -> Any:
    """Return a size as a multiple of its moving mean, then learn it, shortened to ten times."""
    count, scale = state[at + COUNT], state[at + SCALE]
    if count < 1.0:
        state[at + SCALE] = value
        return 1.0
    relative = value / scale if scale > 0.0 else (0.0 if value == 0.0 else 1e3)
    rate = max(0.005, 1.0 / (count + 1.0))
    learned = value if count < WARM else min(value, 10.0 * max(scale, 1e-300))
    if count >= WARM and scale == 0.0:
        learned = value * 0.1
    state[at + SCALE] = scale + rate * (learned - scale)
    return relative


@numba.njit(
    types.void(types.float64, types.int64, types.int64, types.float64[::1], _STATE, _BINS, _BINS),
    cache=True,
)
def _learn(
    value: Any, day_bin: Any, week_bin: Any, guesses: Any, state: Any, day: Any, week: Any
) -> None:
    seen = state[SEEN]
    rate = max(0.005, 1.0 / seen)
    for each in range(PREDICTORS):
        miss = abs(value - guesses[each])
        if seen > WARM:
            miss = min(miss, 10.0 * max(state[MISS_0 + each], 0.02 * state[SPREAD]) + 1e-12)
        state[MISS_0 + each] += rate * (miss - state[MISS_0 + each])
    state[OFFSET_DAY] += 0.2 * (value - day[day_bin, 0] - state[OFFSET_DAY])
    state[OFFSET_WEEK] += 0.2 * (value - week[week_bin, 0] - state[OFFSET_WEEK])
    reach = 3.0 * state[SPREAD]
    for bins, chosen, slowest in ((day, day_bin, 0.15), (week, week_bin, 0.05)):
        known = bins[chosen, 1]
        change = value - bins[chosen, 0]
        if known >= 3.0 and seen > WARM:
            change = min(max(change, -reach), reach)
        bins[chosen, 0] += max(slowest, 1.0 / (known + 1.0)) * change
        bins[chosen, 1] = known + 1.0
    state[SPREAD] += rate * (abs(value - state[SLOW]) - state[SPREAD])
    state[MOVES] += max(0.002, 1.0 / seen) * (abs(value - state[LAST]) - state[MOVES])
    state[LEVEL] += 0.2 * (value - state[LEVEL])
    state[SLOW] += rate * (value - state[SLOW])
    state[LOWEST], state[HIGHEST] = min(state[LOWEST], value), max(state[HIGHEST], value)
    state[LAST] = value


@numba.njit(
    types.float64(types.float64, types.int64, types.int64, _STATE, _BINS, _BINS, _RING, _RING),
    cache=True,
)
def step(
    value: Any,
    day_bin: Any,
    week_bin: Any,
    state: Any,
    day: Any,
    week: Any,
    errors: Any,
    moves: Any,
) -> Any:
    """Judge a value and learn it; return -log10 of its chance. About 0.4 µs."""
    seen = state[SEEN]
    state[SEEN] = seen + 1.0
    if seen < 1.0:
        state[LAST] = state[LEVEL] = state[SLOW] = state[LOWEST] = state[HIGHEST] = value
        return 0.0
    of_day, of_week = day[day_bin, 0], week[week_bin, 0]
    guesses = np.empty(PREDICTORS)
    guesses[0], guesses[1] = state[LAST], state[LEVEL]
    guesses[2], guesses[3] = of_day + state[OFFSET_DAY], of_week + state[OFFSET_WEEK]
    known_day, known_week = day[day_bin, 1] >= 2.0, week[week_bin, 1] >= 6.0
    best = 0
    for each in range(1, PREDICTORS):
        known = each == 1 or (each == 2 and known_day) or (each == 3 and known_week)
        if known and state[MISS_0 + each] < state[MISS_0 + best]:
            best = each
    error = value - guesses[best]

    # What counts as nothing: a thousandth of how far the series moves at all.
    floor = 0.02 * state[SPREAD]
    place = int(state[RANK])
    state[RANK] = (place + 1) % LONG
    errors[place % SHORT] = value - (
        of_week if known_week else (of_day if known_day else state[SLOW])
    )
    moves[place] = abs(value - state[LAST])
    recent, restless = 0.0, 0.0
    for each in range(SHORT):
        recent += errors[each]
    for each in range(LONG):
        restless += moves[each]
    recent, restless = abs(recent) / SHORT, restless / LONG

    least = 0.05 * state[MOVES] + 1e-12
    ratio = abs(math.log((restless + least) / (state[MOVES] + least)))
    strange = _strangeness(_scaled(abs(error) + floor, state, TAIL_0), state, TAIL_0)
    at = TAIL_0 + TAIL_FIELDS
    strange = max(strange, _strangeness(_scaled(recent + floor, state, at), state, at))
    at += TAIL_FIELDS
    strange = max(strange, _strangeness(ratio, state, at))
    reach = state[HIGHEST] - state[LOWEST]
    if reach > 0.0 and seen >= WARM:
        out = max(value - state[HIGHEST], state[LOWEST] - value) / reach
        if out > _OUT_OF_RANGE:
            strange = max(strange, 3.0 + 6.0 * min(out, 1.0))
    _learn(value, day_bin, week_bin, guesses, state, day, week)
    return strange if seen >= WARM else 0.0
