"""Tug: where content, style and variation pull the picture, as a rope, a sentence and small maps. HTML for one place.

Called by the Studio tab. It draws what a run or a lens has measured, and never measures itself.
"""

from __future__ import annotations

from html import escape

from playground.engine.pulls import Pulls, direction
from playground.images.save import encode_picture
from playground.lens.drawn import heat
from playground.web.components.data_urls import url_of_file
from playground.web.components.format import term
from playground.web.words import say

WIDTH, HALF = 480, 230  # of the rope's drawing, and of a pull that is alone, arrowhead and all
FAINT = 0.005  # share of a pull that is not drawn


def tug(found: Pulls | None, hint: str = "", looked_at: str = "", turn: int = 0) -> str:
    """The rope of some pulls; a hint where nothing was measured.

    Args:
        looked_at: which picture they pull, where it is not the one that a run paints just now.
        turn: number of the question that it answers (lens.js).
    """
    if found is None:
        return f'<p class="hint" data-turn="{turn}">{hint or say("tug.not_measured")}</p>'
    sentence = f"{looked_at}: {said(found)}" if looked_at else said(found)
    return (
        f'<figure class="tug" data-turn="{turn}"><p class="tug-said">{escape(sentence)}</p>{_rope(found)}'
        f'<div class="tug-maps">{_maps(found)}</div>'
        f'<p class="hint">{say("tug.meaning")}</p></figure>'
    )


def unmeasured(wanted: bool) -> str:
    """Why nothing was measured while no run goes on.

    Args:
        wanted: whether pulls are to be measured.
    """
    return say("tug.ready" if wanted else "tug.not_measured")


def said(found: Pulls) -> str:
    """The pulls in a sentence."""
    if not any(found.lengths.values()):
        return say("tug.nothing")
    pulls = ", ".join(f"{term(name)} {100 * share:.0f} %" for name, share in found.shares.items())
    how = direction(found)
    return say("tug.said", pulls=pulls, how=say(f"tug.{how}") if how else "", left=round(100 * found.left_over))


def _rope(found: Pulls) -> str:
    """Content to the left, the others to the right, each as long as its share; what is left over beneath, as a bar."""
    middle, drawn = WIDTH / 2, []
    right = middle
    for name, share in found.shares.items():
        if share < FAINT:
            continue
        length = HALF * share
        if name == "content":
            drawn.append(_arrow(name, middle, middle - length))
        else:
            drawn.append(_arrow(name, right, right + length))
            right += length
    wide = 2 * HALF * found.left_over
    return (
        f'<svg class="rope" viewBox="0 0 {WIDTH} 78" role="img" aria-label="{escape(said(found))}">'
        f'<line class="knot" x1="{middle}" y1="10" x2="{middle}" y2="46"/>{"".join(drawn)}'
        f'<rect class="left-track" x="{middle - HALF}" y="58" width="{2 * HALF}" height="6" rx="3"/>'
        f'<rect class="left-over" x="{middle - HALF}" y="58" width="{max(2.0, wide):.1f}" height="6" rx="3"/>'
        f'<text x="{middle - HALF}" y="76">{escape(say("tug.left", left=round(100 * found.left_over)))}</text></svg>'
    )


def _arrow(name: str, start: float, end: float) -> str:
    """A pull from `start` to `end`, named where there is room."""
    tip = min(9.0, abs(end - start)) * (1 if end > start else -1)
    label = ""
    if abs(end - start) > 60:
        label = f'<text class="on-arrow" x="{(start + end) / 2:.1f}" y="20">{escape(term(name))}</text>'
    return (
        f'<g class="k-{escape(name)}"><line class="pull" x1="{start:.1f}" y1="30" x2="{end - tip:.1f}" y2="30"/>'
        f'<path class="head" d="M{end:.1f} 30 l{-tip:.1f} -8 v16 z"/>{label}</g>'
    )


def _maps(found: Pulls) -> str:
    """Where each pulls, on one scale for all."""
    most = max((float(values.max()) for values in found.maps.values()), default=0.0)
    figures = []
    for name, values in found.maps.items():
        address = url_of_file(encode_picture(heat(values, most), "png"), "png")
        label = say("tug.where", term=term(name), share=round(100 * found.shares[name]))
        figures.append(
            f'<figure><img src="{address}" alt="{escape(label)}"/><figcaption>{escape(label)}</figcaption></figure>'
        )
    return "".join(figures)
