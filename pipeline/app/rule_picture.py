"""A series with its alerts, as an SVG of a few kilobytes that any browser shows."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from string import Template
from typing import Any, Final
from xml.sax.saxutils import escape

from pipeline.domain.event_time import HOUR, MICROS
from pipeline.engine.backtest import Series

Record = dict[str, Any]

WIDTH: Final = 1000
PANEL: Final = 150
LEFT: Final = 60
RIGHT: Final = 44
"""Half of a moment written below the line lies beyond its last point."""

HEAD: Final = 46
FOOT: Final = 26
GAP: Final = 34
_DAY: Final = 24 * HOUR

_PAGE: Final = Template(
    """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" \
font-family="sans-serif" font-size="12">
<rect width="$width" height="$height" fill="white"/>
<text x="$left" y="18" font-size="15">$title</text>
<text x="$left" y="35" fill="#555">$legend</text>
$panels
</svg>
"""
)
_PANEL: Final = Template(
    """<g transform="translate($left,$top)">
<text x="0" y="-6" fill="#222">$name</text>
$ticks$bands<path d="$path" fill="#9bb8d3" stroke="#2f6690" stroke-width="0.7"/>
<line x1="0" y1="$bottom" x2="$wide" y2="$bottom" stroke="#444"/>
<text x="-6" y="10" text-anchor="end" fill="#555">$most</text>
<text x="-6" y="$bottom" text-anchor="end" fill="#555">0</text>
$marks</g>
"""
)


def picture(
    title: str,
    series: Sequence[Series],
    span: tuple[int, int],
    alerts: Sequence[Record],
    recorded: Sequence[Record] = (),
) -> str:
    """Return an SVG with a panel per key; ``span`` in microseconds.

    Alerts are red bands over their windows; those that were recorded are dark marks below.
    """
    panels = [_panel(one, span, number, alerts, recorded) for number, one in enumerate(series)]
    return _PAGE.substitute(
        width=WIDTH,
        height=HEAD + len(series) * (PANEL + GAP) + FOOT,
        left=LEFT,
        title=escape(title),
        legend="red: alerts of this backtest; dark marks below the line: alerts recorded then",
        panels="\n".join(panels),
    )


def _panel(
    one: Series,
    span: tuple[int, int],
    number: int,
    alerts: Sequence[Record],
    recorded: Sequence[Record],
) -> str:
    wide, bottom = WIDTH - LEFT - RIGHT, PANEL
    most = max((point.most for point in one.points), default=1)

    def across(at: int) -> float:
        start, end = span
        return round(min(max((at - start) / (end - start), 0), 1) * wide, 1)

    def bands(of: Sequence[Record], top: int, height: int, colour: str) -> str:
        return "".join(
            _band((across(a["window_start"]), across(a["window_end"])), top, height, colour, told)
            for a in of
            if a["key"] == one.key
            for told in [f"{_clock(a['window_start'])} {a['explanation']}"]
        )

    return _PANEL.substitute(
        left=LEFT,
        top=HEAD + 16 + number * (PANEL + GAP),
        name=escape(one.key or "all"),
        ticks="".join(_tick(at, across(at), bottom) for at in _ticks(span)),
        bands=bands(alerts, 0, bottom, "#d1495b"),
        path=_path(one, most, across),
        wide=wide,
        bottom=bottom,
        most=f"{most:,}",
        marks=bands(recorded, bottom + 2, 5, "#333"),
    )


def _path(one: Series, most: int, across: Callable[[int], float]) -> str:
    """Return steps along the points; stretches without one are at 0."""
    if not one.points:
        return f"M0 {PANEL}"
    before = one.points[0].at
    path = [f"M{across(before)} {PANEL}"]
    for point in one.points:
        if point.at > before:
            path.append(f"L{across(before)} {PANEL}L{across(point.at)} {PANEL}")
        height = round(PANEL - point.most / most * (PANEL - 4), 1)
        before = point.at + one.step
        path.append(f"L{across(point.at)} {height}L{across(before)} {height}")
    return "".join((*path, f"L{across(before)} {PANEL}Z"))


def _band(ends: tuple[float, float], top: int, height: int, colour: str, told: str) -> str:
    left, wide = ends[0], max(ends[1] - ends[0], 2)
    return (
        f'<rect x="{left}" y="{top}" width="{wide:.1f}" height="{height}" fill="{colour}" '
        f'fill-opacity="0.45"><title>{escape(told)}</title></rect>'
    )


def _tick(at: int, x: float, bottom: int) -> str:
    return (
        f'<line x1="{x}" y1="0" x2="{x}" y2="{bottom}" stroke="#ddd"/>'
        f'<text x="{x}" y="{bottom + 16}" text-anchor="middle" fill="#555">{_clock(at)}</text>'
    )


def _ticks(span: tuple[int, int]) -> range:
    """Return about eight moments to write below the line: hours or days apart."""
    start, end = span
    apart = [hours * HOUR for hours in (1, 3, 6, 12) if end - start <= 8 * hours * HOUR]
    step = apart[0] if apart else -(-(end - start) // (8 * _DAY)) * _DAY
    return range(-(-start // step) * step, end, step)


def _clock(at: int) -> str:
    return f"{datetime.fromtimestamp(at // MICROS, UTC):%m-%d %H:%M}"
