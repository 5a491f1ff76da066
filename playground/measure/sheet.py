"""Results side by side as one picture that a teacher can project, with what was measured beneath each.

Called by compare's callers and by benchmarks/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont


@dataclass(frozen=True)
class Entry:
    """One method's result.

    Attributes:
        method: "pixels", "network" or "instant".
        label: preset or model.
        picture: the result.
        seconds: of the loop or the pass alone.
        memory_mb: how far it raised the memory in use, at its peak, in MiB; None where that is not known.
        content, style: distances, structure, edges: what is left of the content image's drawing; see distances.py.
        gain, kept: what a judge says that nothing here optimises; see judge.py. None where it is not on this machine.
    """

    method: str
    label: str
    picture: Image.Image
    seconds: float
    memory_mb: float | None
    content: float
    style: float
    structure: float
    edges: float
    gain: float | None = None
    kept: float | None = None


_TITLES = {"pixels": "Pixels", "network": "Network", "instant": "Instant style"}
_MARGIN = 16


def sheet(content: Image.Image, style: Image.Image, entries: list[Entry]) -> Image.Image:
    """Content image, style image and every result in one row, with what was measured beneath each."""
    height = max(entry.picture.height for entry in entries) if entries else 256
    columns: list[tuple[Image.Image, list[str]]] = [(content, ["Photo"]), (style, ["Painting"])]
    for entry in entries:
        memory = f", {entry.memory_mb:.0f} MB" if entry.memory_mb is not None else ""
        digits = 1 if entry.seconds >= 1 else 2
        columns.append((entry.picture, [
            _TITLES[entry.method], entry.label, f"{entry.seconds:.{digits}f} s{memory}",
            f"content {entry.content:.2f}   style {entry.style:.2f}",
            f"structure {entry.structure:.2f}   edges {entry.edges:.2f}",
            *([f"judge: style {entry.gain:.2f}   photo {entry.kept:.2f}"] if entry.gain is not None else []),
        ]))  # fmt: skip
    return board(columns, height)


def grid(
    photos: Sequence[Image.Image], rows: Sequence[tuple[Sequence[str], Sequence[Image.Image]]], height: int
) -> Image.Image:
    """The photographs above, then a row for each of `rows`: what became of each, with the row's text beneath its first."""
    texts: list[Sequence[str]] = [["Photographs"], *(text for text, _ in rows)]
    drawn = [
        board([(picture, text if k == 0 else [""]) for k, picture in enumerate(row)], height)
        for text, row in zip(texts, [photos, *(row for _, row in rows)], strict=True)
    ]
    return stacked(drawn)


def stacked(rows: Sequence[Image.Image]) -> Image.Image:
    """Pictures above each other on white."""
    whole = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return whole


def board(columns: Sequence[tuple[Image.Image, Sequence[str]]], height: int) -> Image.Image:
    """Pictures in one row, each `height` pixels high with its lines of text beneath, the first of them as its title."""
    pictures = [
        p.resize((max(1, round(p.width * height / p.height)), height), Image.Resampling.LANCZOS) for p, _ in columns
    ]
    font, large = ImageFont.load_default(size=15), ImageFont.load_default(size=19)
    widths = [
        max(p.width, *(round(font.getlength(line)) for line in lines))
        for p, (_, lines) in zip(pictures, columns, strict=True)
    ]
    drawn = Image.new(
        "RGB",
        (sum(widths) + _MARGIN * (len(widths) + 1), height + 30 + 22 * max(len(lines) for _, lines in columns)),
        "white",
    )
    draw, left = ImageDraw.Draw(drawn), _MARGIN
    for picture, (_, lines), width in zip(pictures, columns, widths, strict=True):
        drawn.paste(picture, (left, _MARGIN))
        for number, line in enumerate(lines):
            top = height + _MARGIN + 10 + number * 22
            draw.text(
                (left, top), line, fill="black" if number == 0 else "#444444", font=large if number == 0 else font
            )
        left += width + _MARGIN
    return drawn
