"""Small loss curves as light SVG figures: of a training, of a run and its branches. A run's own chart is run_chart.py's.

They are strings for `gr.HTML`: lines in a stretched SVG, figures and names as text beside it, so that they
stay sharp at any width; each carries a text alternative with its numbers. Called by the Studio tab.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from playground.web.components.format import number, term
from playground.web.words import say

TERMS = ("total", "content", "style", "neighbours", "variation")
MAX_POINTS = 160  # of a line on the screen; more cannot be told apart and cost the browser
DECADES = 4  # below a line's median: a content loss that starts at nothing would otherwise squeeze all else
LABEL_GAP = 11.0  # percent of the height between two labels
Points = Sequence[Mapping[str, float]]


def term_chart(curve: Points, planned: int = 0) -> str:
    """The live curves of the total and of each term over evaluations, on a log axis, as HTML.

    Args:
        curve: points {evaluations, total, content, style, variation}; may be empty.
        planned: evaluations the whole run will take, the right end of the axis.
    """
    names = [name for name in TERMS if any(point.get(name, 0) > 0 for point in curve)]
    return _chart(curve, {name: term(name) for name in names}, planned, say("chart.losses"), labels=True)


def family_chart(curves: Mapping[str, Points]) -> str:
    """The total loss of a run, named first, and of its branches over the evaluations so far, as HTML."""
    keys = {"total" if index == 0 else f"branch:{name}": name for index, name in enumerate(curves)}
    points = [
        {"evaluations": point["evaluations"], key: point["total"]}
        for key, curve in zip(keys, curves.values(), strict=True)
        for point in thinned(curve)
        if "total" in point
    ]
    points.sort(key=lambda point: point["evaluations"])
    return _chart(points, keys, 0, say("chart.total"), labels=False, most=len(points))


def thinned(points: Points, most: int = MAX_POINTS) -> list[Mapping[str, float]]:
    """At most `most` + 1 of the points, evenly chosen; the first and the last always stay."""
    if len(points) <= most:
        return list(points)
    every = math.ceil((len(points) - 1) / most)
    chosen = list(points[::every])
    return chosen if chosen[-1] is points[-1] else [*chosen, points[-1]]


def describe(title: str, points: Points, names: Mapping[str, str]) -> str:
    """The text alternative of a chart: where every line started, where it is now."""
    if not points or not names:
        return say("chart.nothing_yet", title=title)
    said = []
    for key, name in names.items():
        values = [point[key] for point in points if point.get(key, 0) > 0]
        if values:
            said.append(say("js.chart.from_to", name=name, now=number(values[-1]), first=number(values[0])))
    at = f"{points[-1]['evaluations']:.0f}"
    return say("chart.described", title=title, evaluation=at, lines="; ".join(said))


def _range(points: Points, names: Iterable[str]) -> tuple[float, float]:
    """Exponents of ten that bound the axis: all values, at least one decade.

    What lies DECADES below its line's median is cut off.
    """
    values: list[float] = []
    for name in names:
        line = sorted(v for point in points if (v := point.get(name, 0)) > 0 and math.isfinite(v))
        values += [v for v in line if v > line[len(line) // 2] * 10.0**-DECADES]
    if not values:
        return -1.0, 0.0
    top, bottom = math.log10(max(values)), math.log10(min(values))
    spare = max(0.0, 1 - (top - bottom)) / 2
    return bottom - spare - 0.05, top + spare + 0.05


def _ticks(low: float, high: float) -> list[float]:
    """Round values between two exponents of ten: powers of ten, with 2 and 5 between where the axis is short."""
    steps = (1, 2, 5) if high - low < 2 else (1,)
    every = max(1, math.ceil((high - low) / 5))
    decades = [d for d in range(math.floor(low), math.ceil(high) + 1) if d % every == 0]
    return [step * 10.0**d for d in decades for step in steps if low <= math.log10(step * 10.0**d) <= high]


def _chart(
    points: Points, names: Mapping[str, str], planned: int, title: str, labels: bool, most: int = MAX_POINTS
) -> str:
    low, high = _range(points, names)
    last = max(float(planned), points[-1]["evaluations"] if points else 0.0, 1.0)

    def across(point: Mapping[str, float]) -> float:
        return 1000 * point["evaluations"] / last

    def down(value: float) -> float:
        return 1000 * (high - max(low, min(high, math.log10(value)))) / (high - low)

    ticks = _ticks(low, high)
    grid = "".join(f'<path class="grid" d="M0 {down(v):.0f}H1000"/>' for v in ticks)
    scale = "".join(f'<span class="tick" style="top:{down(v) / 10:.1f}%">{number(v)}</span>' for v in ticks)
    shown, lines, ends = thinned(points, max(1, most)), [], []
    for index, (key, name) in enumerate(names.items()):
        drawn = [(across(point), down(point[key])) for point in shown if point.get(key, 0) > 0]
        if not drawn:
            continue
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in drawn)
        lines.append(f'<polyline {_look(key, index, len(names))} points="{path}"/>')
        value = next(point[key] for point in reversed(shown) if point.get(key, 0) > 0)
        ends.append((drawn[-1][1] / 10, _look(key, index, len(names)), name, number(value)))
    lines.reverse()  # the total, named first, is drawn on top
    axis = f"<span>0</span><span>{last / 2:.0f}</span><span>{say('chart.evaluations', count=f'{last:.0f}')}</span>"
    if not ends:
        grid = scale = axis = ""
        scale = f'<span class="waiting">{say("js.chart.waiting")}</span>'
    if labels:
        legend = "".join(
            f'<li {look} style="top:{place:.1f}%">{escape(name)} <b>{value}</b></li>'
            for place, (_, look, name, value) in zip(apart([top for top, *_ in ends]), ends, strict=True)
        )
        legend, below = f'<ul class="ends">{legend}</ul>', ""
    else:
        below = "".join(f"<li {look}>{escape(name)} <b>{value}</b></li>" for _, look, name, value in ends)
        legend, below = "", f'<ul class="legend">{below}</ul>'
    return (
        f'<figure class="chart" data-last="{last:.0f}" role="img" aria-label="{escape(describe(title, points, names))}">'
        f'<div class="plot{" labelled" if labels else ""}"><div class="area">'
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">{grid}{"".join(lines)}</svg>'
        f'{scale}</div>{legend}<div class="axis">{axis}</div></div>'
        f"{below}</figure>"
    )


def _look(key: str, index: int, count: int) -> str:
    """Attributes of one line: a term has a class of its own, a layer a hue by its place."""
    kind, _, layer = key.partition(":")
    if not layer:
        return f'class="k-{escape(key)}"'
    return f'class="layer k-{escape(kind)}" style="--c:hsl({round(20 + 300 * index / max(1, count))} 55% 50%)"'


def apart(places: Sequence[float]) -> list[float]:
    """Label positions in percent, pushed apart so that no two overlap and none leaves the figure."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved, floor = list(places), 0.0
    for i in order:
        moved[i] = floor = max(moved[i], floor)
        floor += LABEL_GAP
    ceiling = 100.0
    for i in reversed(order):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - LABEL_GAP
    return moved
