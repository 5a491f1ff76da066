"""What handlers answer with: updates of components, and lines of HTML that say what is wrong, to be known, or under way.

Called by every tab's handlers. Knows no component and no run.
"""

from __future__ import annotations

import logging
from html import escape
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe
from playground.system.files import takes_nothing
from playground.web.words import has, label, say, translated

logger = logging.getLogger(__name__)
Updates = dict[Any, Any]
NOTHING: Updates = gr.skip()
"""No update at all; a generator must yield it at least, or gradio empties every output."""


def message(text: str, kind: str = "error") -> str:
    """A line of HTML that says what is wrong ("error") or when something will happen ("note")."""
    if not text:
        return ""
    sentence = text[0].upper() + text[1:]
    role = ' role="alert"' if kind == "error" else ""
    return f'<p class="message {kind}"{role}>{escape(sentence if sentence.endswith((".", "!", "?")) else sentence + ".")}</p>'


def fault(error: Exception) -> str:
    """Any exception as one sentence; what nobody can mend goes to the log."""
    if isinstance(error, PlaygroundError):
        field, colon, rest = str(error).partition(":")
        known = colon and field in Recipe.model_fields and has(f"field.{field}.label")
        return f"{label(field)}: {translated(rest.strip())}" if known else translated(str(error))
    if takes_nothing(error):
        logger.warning("the page could not write: %s", error)
        return say("error.disk_full")
    logger.exception("the page stumbled", exc_info=error)
    return say("error.stumbled")


def progress(sentence: str, fraction: float | None) -> str:
    """How far something is, as a line and a bar that is called by it."""
    value = "" if fraction is None else f' value="{fraction:.3f}"'
    said = escape(translated(sentence))
    return f'<p class="message note">{said}</p><progress max="1"{value} aria-label="{said}"></progress>'
