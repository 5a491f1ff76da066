"""What results are called among each other: by what differs, since eight times the same preset says nothing.

Called for the shelf's cards and for the chart's overlays. Knows no component.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.recipe.model import Recipe, field_info
from playground.recipe.presets import presets
from playground.web.components.format import UNNAMED, caption, setting_said
from playground.web.components.pictures import samples_like, titled
from playground.web.studio.branches import small_address
from playground.web.studio.session import Finished, Session
from playground.web.words import say

MOST = 3  # settings in a name
FIRST = (
    "style_weight",
    "content_weight",
    "variation_weight",
    "size",
    "iterations",
)  # what people turn, before all else


def names(recipes: Sequence[Recipe], sources: Sequence[tuple[str, str]] = ()) -> list[str]:
    """A name for each recipe: what it was painted from and its preset where these differ, and up to three settings in
    which it differs from another.

    Recipes that agree in everything but the seed are told apart by it; a single one, or all the same, has its caption.
    """
    listed = [name for name in Recipe.model_fields if name not in UNNAMED and field_info(name)]
    listed.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    differing = [
        name for name in listed if any(getattr(recipe, name) != getattr(recipes[0], name) for recipe in recipes)
    ]
    several = len({recipe.preset for recipe in recipes}) > 1
    seeds = len({recipe.seed for recipe in recipes}) > 1
    pairs = [
        [title for title, others in zip(pair, zip(*sources, strict=True), strict=True) if len({*others}) > 1]
        for pair in sources
    ]
    if not (differing or several or seeds or any(pairs)):
        return [caption(recipe) for recipe in recipes]
    titles = pairs or [[]] * len(recipes)
    return [
        ", ".join([*pair, *_name(recipe, differing, several, seeds)])
        for pair, recipe in zip(titles, recipes, strict=True)
    ]


def _name(recipe: Recipe, differing: Sequence[str], several: bool, seeds: bool) -> list[str]:
    preset = presets().get(recipe.preset or "")
    parts = [say(f"preset.{preset.name}.title") if preset else caption(recipe)] if several or not differing else []
    shown = differing if not several else [name for name in differing if name in FIRST]
    parts += [setting_said(name, getattr(recipe, name)) for name in shown[:MOST]]
    if seeds:
        parts.append(say("caption.seed", seed=recipe.seed))
    return parts


def called(results: Sequence[Finished]) -> list[str]:
    """A name for each of several results."""
    return names([done.recipe for done in results], [sources(done) for done in results]) if results else []


def sources(done: Finished) -> tuple[str, str]:
    """What the photo and the painting of a result are called."""
    if done.sources is None:
        photo, painting = samples_like(done.job.content or done.content, done.job.style)
        done.sources = (
            titled(photo) if photo else say("names.photo"),
            titled(painting) if painting else say("names.painting"),
        )
    return done.sources


def apart(one: Finished, other: Finished) -> str:
    """What sets two results apart, in a few words; empty where nothing does."""
    pairs = zip(sources(one), sources(other), strict=True)
    said = [f"{mine} ↔ {theirs}" for mine, theirs in pairs if mine != theirs]
    return "; ".join([*said, *filter(None, [recipes_apart(one.recipe, other.recipe)])])


def recipes_apart(mine: Recipe, theirs: Recipe) -> str:
    """The settings in which two recipes differ, five at most; empty where they agree."""
    listed = [name for name in Recipe.model_fields if name not in UNNAMED - {"seed", "network"}]
    differing = [name for name in listed if getattr(mine, name) != getattr(theirs, name) and field_info(name)]
    said = [
        f"{setting_said(name, getattr(mine, name))} ↔ {setting_said(name, getattr(theirs, name))}"
        for name in differing[:5]
    ]
    return "; ".join(said)


def cards(session: Session) -> list[dict[str, Any]]:
    """What shelf.js shows of this visit's results, newest first."""
    newest = list(reversed(session.finished))
    return [
        {
            "name": done.job.name,
            "caption": name,
            "picture": _small(done),
            "pinned": done.job.pinned,
            "compared": done.job.name in session.compared,
        }
        for done, name in zip(newest, called(newest), strict=True)
    ]


def _small(done: Finished) -> str:
    if done.small is None:
        done.small = small_address(done.shown)
    return done.small
