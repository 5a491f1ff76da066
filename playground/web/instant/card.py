"""What a trained network says of itself, for the page: its name, its picture, how it was trained.

Called by the tab's handlers. Everything in it may come from a stranger's file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from PIL import Image

from playground.feedforward.model import Model
from playground.web.components import small_charts
from playground.web.components.format import duration
from playground.web.words import say


def card_html(model: Model) -> str:
    """How a style was trained, as HTML; everything in it may come from a stranger's file."""
    about = model.card
    facts = [say("card.network", channels=model.network.width, blocks=model.network.blocks)]
    if about.layout != "playground":
        facts.append(say("card.layout", layout=about.layout))
    if about.steps:
        facts.append(say("card.steps", steps=_grouped(about.steps), photos=_grouped(about.photos)))
    curve = [point for point in about.curve if _is_point(point)]
    if curve:
        facts.append(duration(curve[-1]["seconds"]))
    recipe = about.recipe
    if {"image_size", "batch_size", "network"} <= recipe.keys():
        crops = {name: recipe[name] for name in ("image_size", "batch_size", "network")}
        facts.append(say("card.crops", **crops))
    listed = "".join(f"<li>{escape(str(fact))}</li>" for fact in facts)
    command = f"<pre><code>{escape(about.command)}</code></pre>" if about.command else ""
    chart = small_charts.term_chart(curve) if len(curve) > 1 else ""
    return f'<div class="model-card"><h3>{escape(named(about.title))}</h3><ul>{listed}</ul>{chart}{command}</div>'


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def cards_html(sources: Sequence[Model | Image.Image]) -> str:
    """What there is to say of the networks that paint in these styles: of each trained one, and of the one for paintings."""
    trained = [card_html(source) for source in sources if isinstance(source, Model)]
    return "".join([*trained, any_card()] if len(trained) < len(sources) else trained)


def any_card() -> str:
    """What there is to say of the network for any painting."""
    listed = "".join(f"<li>{say(f'any.card.{number}')}</li>" for number in range(3))
    return f'<div class="model-card"><h3>{say("any.title")}</h3><ul>{listed}</ul></div>'


def _is_point(point: Any) -> bool:
    """Whether a point of a file's curve is one: names to finite numbers."""
    return (
        isinstance(point, dict)
        and {"evaluations", "seconds", "total"} <= point.keys()
        and all(isinstance(value, (int, float)) and math.isfinite(value) for value in point.values())
    )


def named(style: str) -> str:
    """A style's name for people."""
    text = style.replace("_", " ")[:60]
    return text[:1].upper() + text[1:]


def thumbnail(model: Model) -> Image.Image:
    """The style picture of a model, cut square; a blank where it is unknown."""
    try:
        picture = model.card.thumbnail
    except Image.DecompressionBombError:
        picture = None
    if picture is None:
        return Image.new("RGB", (96, 96), "#8a8276")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))
