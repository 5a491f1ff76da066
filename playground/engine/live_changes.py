"""A setting changes while a run is going on: checked, taken over between two evaluations, written into the journal.

Called by run.py before an evaluation that something was asked for. It must not know who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.engine.control import Control
from playground.engine.losses import OBJECTIVE_SETTINGS
from playground.engine.painting import Painting
from playground.errors import PlaygroundError
from playground.recipe.complaints import settled_at_start
from playground.recipe.live_settings import live_settings
from playground.recipe.model import Change, Recipe
from playground.recipe.styles import with_weights

# These change when a run ends or how it is shown, not the picture at a given step, so they are not journalled.
NOT_JOURNALLED = frozenset({"iterations", "seconds", "preview_rate", "colours"})
COLOURS_MATCHED = "whether the painting takes the photo's colours"
# These change what the picture is compared with.
TARGET_SETTINGS = frozenset({"pool", "pool_rescale", "padding", "style_size", "style_scales"})


def take_over(painting: Painting, requested: Mapping[str, Any], control: Control) -> str | None:
    """Let `painting` go on with other settings and write into its journal what a replay repeats.

    Args:
        requested: live settings by name; a dotted key merges into an object.
        control: gives the turn on the device that new targets take.

    Returns:
        What to tell a person: why nothing was changed, or what a change costs; None where all is as asked.
    """
    before = painting.recipe
    # What is no setting at all is refused below, in other words.
    settled = Recipe.model_fields.keys() - live_settings(Recipe)
    fixed = next((key for key in requested if key.partition(".")[0] in settled), None)
    if fixed is not None:
        return f"not changed: {settled_at_start(fixed)}"
    try:
        changed = before.changed({**requested, "plan": before.plan, "journal": before.journal})
        changed = with_weights(changed, len(painting.styles))
    except PlaygroundError as error:
        return f"not changed: {error}"
    if before.colours != changed.colours and "matched" in (before.colours, changed.colours):
        return f"not changed: {settled_at_start(COLOURS_MATCHED)}"
    names = dict.fromkeys(key.partition(".")[0] for key in requested)
    changes = {name: value for name in names if (value := getattr(changed, name)) != getattr(before, name)}
    if not changes:
        return None
    painting.set_recipe(changed)
    painting.journal += [
        Change(evaluation=painting.evaluations, key=key, value=value)
        for key, value in changes.items()
        if key not in NOT_JOURNALLED
    ]
    if "iterations" in changes:
        painting.schedule.replan()
    if not changes.keys() - NOT_JOURNALLED:
        return None
    if changes.keys() & TARGET_SETTINGS or not painting.objective.covers(changed):
        control.turn().do(painting.make_objective)
    elif changes.keys() & OBJECTIVE_SETTINGS:
        painting.objective.set_weights(changed)
        painting.evaluate_anew()
    if painting.optimiser.keeps_memory and changes.keys() - {"clip", "average"}:
        painting.start_optimiser()
        return f"{_names(changes)} changed: {painting.optimiser.title} starts its memory anew"
    return None


def _names(changes: Mapping[str, Any]) -> str:
    return " and ".join(key.replace("_", " ") for key in changes)
