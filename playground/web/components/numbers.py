"""Whose numbers a preset's recipe has, for the line under the presets: what differs from the source, field by field, and why.

Called by the Studio and by Train a style. Knows no component.
"""

from __future__ import annotations

from html import escape

from playground.errors import PlaygroundError
from playground.networks.catalogue import CAFFE_FILES, NETWORKS
from playground.networks.network_facts import known
from playground.recipe.base import BaseRecipe
from playground.recipe.other_network import SettingDifference, differences, whose
from playground.web.components.format import option
from playground.web.components.messages import message
from playground.web.words import has, label, say, translated, within


def numbers_note(recipe: BaseRecipe) -> str:
    """HTML: one line on whose numbers they are, which opens to the list of what differs; "" for the playground's own."""
    sentence, rows = translated(whose(recipe)), differences(recipe)
    if not rows:
        return message(sentence, "note") + message(_doubt(recipe.network), "note")
    labels = ", ".join(within(label(row.setting)) for row in rows)
    items = "".join(f"<li><b>{escape(label(row.setting))}</b>: {escape(_row(row))}</li>" for row in rows)
    return (
        f'<details class="message note differences"><summary>'
        f"{escape(say('numbers.not_as_source', sentence=sentence, labels=labels))}"
        f"</summary><ul>{items}</ul></details>{message(_doubt(recipe.network), 'note')}"
    )


def _row(row: SettingDifference) -> str:
    """One difference, with the words that the page has for what can be chosen."""
    here, source = (
        option(row.setting, value) if has(f"option.{row.setting}.{value}") else translated(value)
        for value in (row.here, row.source)
    )
    return say("numbers.row", here=here, source=source, reason=translated(row.reason))


def _doubt(network: str) -> str:
    """What is odd about a file's network, if anything."""
    if network in NETWORKS and network not in CAFFE_FILES:
        return ""
    try:
        return translated(known(network).doubt())
    except PlaygroundError:  # it is not here, which is said elsewhere
        return ""
