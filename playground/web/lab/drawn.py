"""What the Lab draws: small pictures inside HTML, cells in a grid, their numbers.

Called by the Lab's handlers. Knows no run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from playground.experiments.experiment import Experiment
from playground.experiments.results import CellResult
from playground.web.words import decimal, say


@dataclass(frozen=True)
class ShownCell:
    """A cell on the page.

    Attributes:
        picture: its address; None where there is none yet.
        note: one short line beneath the title.
    """

    title: str
    picture: str | None
    note: str


def grid(cells: Sequence[ShownCell], experiment: Experiment) -> str:
    """Cells in rows, each a button that shows its picture large (lab.js)."""
    columns = experiment.columns if experiment.rows > 1 else min(len(cells), 6 if len(cells) > 10 else 5)
    return f'<div class="lab-grid" style="--columns:{columns}">{"".join(map(_cell, cells))}</div>'


def _cell(cell: ShownCell) -> str:
    title = escape(cell.title)
    picture = '<span class="empty"></span>'
    if cell.picture is not None:
        label = escape(say("lab.enlarge", cell=cell.title))
        picture = (
            f'<button type="button" class="enlarge" aria-label="{label}"><img src="{cell.picture}" alt=""></button>'
        )
    return f"<figure>{picture}<figcaption><b>{title}</b><span>{escape(cell.note)}</span></figcaption></figure>"


def not_comparable() -> str:
    """That each cell's loss is its own, for people."""
    return f'<p class="hint">{escape(say("lab.not_comparable"))}</p>'


def table(results: Mapping[str, CellResult]) -> str:
    """What was measured of every cell, as a table."""
    names = ("cell", "total", "content", "style", "photo", "structure", "time")
    heads = "".join(f'<th scope="col">{escape(say(f"lab.table.{name}"))}</th>' for name in names)
    rows = []
    for title, result in results.items():
        near = result.distances
        figures = (
            decimal(f"{result.losses['total']:.3g}"),
            *(decimal(f"{near[name]:.3f}") for name in ("content", "style", "photo", "structure")),
        )
        cells = "".join(f"<td>{value}</td>" for value in (*figures, f"{decimal(f'{result.seconds:.1f}')} s"))
        rows.append(f'<tr><th scope="row">{escape(title)}</th>{cells}</tr>')
    body = f'<table class="figures"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    meaning = f'<p class="hint">{escape(say("lab.numbers.meaning"))}</p>'
    return f'<details class="lab-numbers"><summary>{escape(say("lab.numbers"))}</summary>{body}{meaning}</details>'
