"""The figure: panels of bars and lines in one SVG, drawn by hand so that no plotting library is needed. Called by __main__.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, GAP = 400, 300, 16  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 40, 44
COLOURS = {  # of everything that is drawn by its name, the same in all panels
    "default": "#d1662c", "engine": "#3b6fb6", "reference": "#8a8a8a", "gatys-adam": "#4c9f70", "vgg16-lbfgs": "#9a5fb0",
    "single-scale L-BFGS": "#3b6fb6", "weights": "#c2a33a", "matrix product": "#c2a33a",
}  # fmt: skip

Points = Sequence[tuple[float, float]]


def short(value: float) -> str:
    """A number as an axis shows it."""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 11, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {more}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _legend(names: Sequence[str]) -> str:
    parts, x = [], float(LEFT)
    for name in names:
        colour = COLOURS[name]
        parts.append(f'<rect x="{x:.1f}" y="{TOP - 14}" width="9" height="9" fill="{colour}"/>')
        parts.append(_text(x + 12, TOP - 6, name, size=10))
        x += 20 + 5.6 * len(name)
    return "".join(parts)


def _ticks(low: float, high: float, log: bool) -> list[float]:
    if log:
        found = [m * 10.0**e for e in range(-6, 7) for m in (1, 2, 5)]
        inside = [value for value in found if low * 0.999 <= value <= high * 1.001]
        tens = [value for value in inside if math.isclose(math.log10(value), round(math.log10(value)), abs_tol=1e-9)]
        return tens if len(tens) >= 3 else inside
    unit = 10.0 ** math.floor(math.log10((high - low) / 4))
    unit *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * unit) <= 5)
    return [unit * k for k in range(math.ceil(low / unit), math.floor(high / unit + 1e-9) + 1)]


def lines(
    title: str, series: Mapping[str, Points], x_label: str, y_label: str, log_x: bool = True, log_y: bool = True
) -> str:
    """A panel of lines with a point at every value; values on a log axis are above zero."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    (x_low, x_high), (y_low, y_high) = _range(xs, log_x), _range(ys, log_y)

    def place(value: float, low: float, high: float, log: bool) -> float:
        return math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)

    def at(x: float, y: float) -> tuple[float, float]:
        across, up = place(x, x_low, x_high, log_x), place(y, y_low, y_high, log_y)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [_text(LEFT, 16, title, size=13, more='font-weight="bold"'), _legend(list(series))]
    for tick in _ticks(y_low, y_high, log_y):
        _, y = at(x_low, tick)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y, 'stroke="#ddd"'), _text(LEFT - 6, y + 4, short(tick), "end")]
    for tick in _ticks(x_low, x_high, log_x):
        x, _ = at(tick, y_low)
        parts.append(_line(x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 4, 'stroke="#888"'))
        parts.append(_text(x, HEIGHT - BOTTOM + 16, short(tick), "middle"))
    for name, points in series.items():
        colour = COLOURS[name]
        placed = [at(x, y) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in placed]
    return "".join([*parts, _axes(x_label, y_label)])


def _range(values: Sequence[float], log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        return low / 1.1, high * 1.1
    return min(0.0, low), high * 1.08 or 1.0


def bars(title: str, groups: Sequence[str], series: Mapping[str, Sequence[float | None]], y_label: str) -> str:
    """A panel of grouped bars with their values written above; None leaves a gap."""
    high = 1.15 * max(value for values in series.values() for value in values if value is not None)
    parts = [_text(LEFT, 16, title, size=13, more='font-weight="bold"'), _legend(list(series))]
    for tick in _ticks(0, high, log=False):
        y = HEIGHT - BOTTOM - tick / high * (HEIGHT - TOP - BOTTOM)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y, 'stroke="#ddd"'), _text(LEFT - 6, y + 4, short(tick), "end")]
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    thick = 0.8 * room / len(series)
    for index, group in enumerate(groups):
        parts.append(_text(LEFT + (index + 0.5) * room, HEIGHT - BOTTOM + 16, group, "middle"))
        for number, (name, values) in enumerate(series.items()):
            colour = COLOURS[name]
            value = values[index]
            if value is None:
                continue
            tall = value / high * (HEIGHT - TOP - BOTTOM)
            x, y = LEFT + index * room + 0.1 * room + number * thick, HEIGHT - BOTTOM - tall
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{thick - 2:.1f}" height="{tall:.1f}" fill="{colour}"/>')
            parts.append(_text(x + thick / 2, y - 3, short(value), "middle", 9))
    return "".join([*parts, _axes("", y_label)])


def _axes(x_label: str, y_label: str) -> str:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 14 {middle:.0f})"'
    return "".join([
        _line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 'stroke="#444"'),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label, "middle"),
        _text(14, middle, y_label, "middle", more=turned),
    ])  # fmt: skip


def figure(panels: Sequence[str], caption: str, columns: int = 2) -> str:
    """An SVG document of panels from left to right, with a line of text below."""
    rows = math.ceil(len(panels) / columns)
    width, height = columns * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        ' font-family="system-ui, sans-serif" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, panel in enumerate(panels):
        x, y = GAP + index % columns * (WIDTH + GAP), GAP + index // columns * (HEIGHT + GAP)
        parts.append(f'<g transform="translate({x} {y})">{panel}</g>')
    parts += [_text(GAP, height - 14, caption, size=11, more='fill="#666"'), "</svg>"]
    return "".join(parts) + "\n"
