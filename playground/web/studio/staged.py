"""What waits for the next Run while one goes on, and the line that says so.

Called by settings_panel.py, where a recipe would otherwise take the controls over, and by staging.py, which acts on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import gradio as gr

from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.web.components.format import caption
from playground.web.components.messages import Updates, message
from playground.web.studio.session import Session
from playground.web.words import joined, say

STAGED = ("staged", "staged-note", "staged-now")


def stage(parts: Mapping[str, Any], session: Session, recipe: Recipe) -> Updates:
    """Keep a recipe for the next Run; the preset in the list stays the run's."""
    session.staged = recipe
    return {**shown(parts, session), parts["preset"]: session.base.preset}


def shown(parts: Mapping[str, Any], session: Session) -> Updates:
    """The line as it stands."""
    what = [caption(session.staged)] if session.staged is not None else []
    what += [say(f"staged.{kind}") for kind in sorted(session.staged_pictures)]
    said = say("staged.line", what=joined(what)) if what else ""
    return {
        parts["staged"]: gr.Row(visible=bool(what)), parts["staged-note"]: message(said, "note"), parts["staged-now"]: "",
    }  # fmt: skip


def taken_over(job: Job | None, recipe: Recipe | None, pictures: Collection[str]) -> str:
    """What the controls and the boxes show now that a run has ended, and what its picture was painted with instead."""
    result, said = job.result if job is not None else None, []
    if recipe is not None:
        painted = caption(result.recipe) if result is not None else ""
        said.append(say("staged.now" if painted else "staged.now_alone", what=caption(recipe), painted=painted))
    if pictures:
        what = joined([say(f"staged.{kind}") for kind in sorted(pictures)])
        said.append(say("staged.now_pictures", what=what))
    return message(". ".join(said), "note")
