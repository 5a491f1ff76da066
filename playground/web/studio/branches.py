"""A run and the branches that left it: who belongs together, what sets them apart, their cards and their comparison.

Called by history.py, which lays them out under the curves and follows them while they go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
from PIL import Image

from playground.engine.checkpoints import CheckpointError
from playground.measure.sheet import board
from playground.recipe.live_settings import live_settings
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components import controls, small_charts
from playground.web.components.data_urls import url_of_picture
from playground.web.components.format import ending, number, numbers, term
from playground.web.words import joined, label, say, translated

MAX_BRANCHES = 4  # beside the run that they left
CARD_SIDE = 240  # pixels
UNSEEN = frozenset({"seconds", "preview_rate", "colours"})  # live settings that change nothing of the painting
SCRIPT = (Path(__file__).parent.parent / "assets" / "branches.js").read_text("utf-8")


def family(jobs: Jobs, job: Job) -> list[Job]:
    """The run that a run goes back to, and its latest branches, oldest first; branches of branches are among them."""
    known = {other.id: other for other in (*jobs.find(job.visitor), job)}

    def root(other: Job) -> Job:
        while other.parent is not None and other.parent[0] in known:
            other = known[other.parent[0]]
        return other

    first = root(job)
    others = [other for other in known.values() if other is not first and root(other) is first]
    kept = others[-MAX_BRANCHES:]
    if job is not first and job not in kept:
        kept = [job, *kept[1:]]
    return [first, *kept]


def settings_now(job: Job) -> Recipe:
    """A run's recipe with what it was told on its way, and with the colours that it is shown in."""
    return job.recipe.changed({**job.control.read().settings, "colours": job.colours})


def differences(mine: Recipe, theirs: Recipe) -> list[str]:
    """What one run paints otherwise than another, such as "Content weight 1 → 4"; live settings only."""
    said = []
    for name in Recipe.model_fields:
        old, new = getattr(theirs, name), getattr(mine, name)
        if name in live_settings(Recipe) - UNSEEN and old != new:
            said.append(f"{label(name)} {_named(old)} → {_named(new)}")
    return said


def requested(mine: Recipe, before: Recipe) -> dict[str, Any]:
    """The live settings that a branch changes so that it paints as the controls stand.

    Args:
        before: the settings at the moment that it leaves from.
    """
    names = (live_settings(Recipe) - {"colours"}) & (controls.FIELDS.keys() | controls.BESIDE)
    return {name: value for name in sorted(names) if (value := getattr(mine, name)) != getattr(before, name)}


def left_out(mine: Recipe, job: Job) -> str:
    """One sentence that names the settings which a branch cannot change; empty where there are none."""
    names = [name for name in controls.FIELDS if name not in live_settings(Recipe)]
    labels = [label(name) for name in names if getattr(mine, name) != getattr(job.recipe, name)]
    if not labels:
        return ""
    return say("branch.left_out", settings=joined(labels))


def _named(value: Any) -> str:
    if isinstance(value, bool):
        return say("value.on" if value else "value.off")
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, tuple):
        return numbers(value)
    if isinstance(value, Mapping):
        return ", ".join(layer for layer, weight in value.items() if weight > 0) or say("value.none")
    return say("value.none") if value is None else str(value).replace("_", " ")


# ---------------------------------------------------------------- side by side


def title(job: Job, members: Sequence[Job]) -> str:
    """What a member of a family is called beside the others."""
    if job is members[0] or job.parent is None:
        return say("branch.run")
    parent = next((number for number, other in enumerate(members) if other.id == job.parent[0]), 0)
    if parent:
        return say("branch.of_branch", number=members.index(job), parent=parent, at=job.parent[1])
    return say("branch.of_run", number=members.index(job), at=job.parent[1])


def about(job: Job, members: Sequence[Job]) -> list[str]:
    """What a branch paints otherwise than the run did at the moment that it left, or a run otherwise than it began."""
    if job is members[0]:
        return differences(settings_now(job), job.recipe)
    before = _left_with(job)
    return differences(settings_now(job), before) if before else sorted(job.changes)


def _left_with(job: Job) -> Recipe | None:
    """The settings that a branch found, as its first moment tells; None where no moment of it is kept."""
    if job not in _found and job.checkpoints is not None and job.parent is not None:
        try:
            _found[job] = job.checkpoints.settings(job.parent[1])
        except CheckpointError:
            return None
    return _found.get(job)


_found: WeakKeyDictionary[Job, Recipe] = WeakKeyDictionary()  # read once a branch, since a moment is a large file


def how_it_stands(job: Job) -> str:
    """Total loss, step and state in a few words."""
    if job.frame is None:
        return translated(job.error) if job.error else say("branch.getting_ready")
    total = job.frame.losses.get("total")
    words = [f"{term('total')} {number(total)}"] if total is not None else []
    words.append(say("branch.step", step=job.frame.step))
    if job.ended:
        words.append(ending(job.state, "short"))
    elif job.state == "paused":
        words.append(say("branch.paused"))
    return " · ".join(words)


def cards(members: Sequence[Job], shown: Job | None) -> list[dict[str, Any]]:
    """What branches.js shows of a family; nothing while there is no branch."""
    if len(members) < 2:
        return []
    return [
        {
            "name": job.name,
            "title": title(job, members),
            "about": "; ".join(about(job, members) or ([] if job is members[0] else [say("branch.same")])),
            "state": how_it_stands(job),
            "picture": _small(job),
            "shown": job is shown,
        }
        for job in members
    ]


def _small(job: Job) -> str:
    """A run's latest picture as a data address; empty before there is one."""
    if job.picture is None:
        return ""
    return small_address(Image.fromarray(job.picture))


def small_address(picture: Image.Image) -> str:
    """A picture made small as a data address."""
    small = picture.copy()
    small.thumbnail((CARD_SIDE, CARD_SIDE))
    return url_of_picture(small, quality=85, subsampling=2)


def chart(members: Sequence[Job]) -> str:
    """The total loss of every member over the evaluations so far, as HTML."""
    return small_charts.family_chart({title(job, members): job.curve for job in members})


def comparison(members: Sequence[Job]) -> Image.Image:
    """All members in one picture, side by side, each with its settings' differences and its loss beneath."""
    columns = []
    for job in members:
        if job.picture is not None:
            picture = job.result.picture if job.result else Image.fromarray(job.picture)
            columns.append((picture, [title(job, members), *about(job, members)[:3], how_it_stands(job)]))
    return board(columns, max(picture.height for picture, _ in columns))


def gallery() -> gr.HTML:
    """The place of the cards; fires `click` with the name of the run whose card was pressed."""
    return gr.HTML(
        [], html_template='<div class="branches"></div>', js_on_load=SCRIPT, elem_id="branches", apply_default_css=False
    )
