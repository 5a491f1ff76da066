"""What is said of a result: its losses are those of the chart above it."""

from __future__ import annotations

from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Result
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.web.studio.results import finish, summary

PICTURE = Image.new("RGB", (64, 48), "teal")
RECIPE = Recipe(
    content_layers={"conv4_2": 0.5}, style_layers={"conv1_1": 1.0, "conv3_1": 1.0}, content_weight=2, style_weight=10,
    variation_weight=0, neighbours_weight=0,
)  # fmt: skip


def said(recipe: Recipe, layers: dict[str, float]) -> str:
    job = Job(Pictures(PICTURE, (PICTURE,)), recipe, "me", MemoryControl(), 5.0)
    job.result = Result(
        picture=PICTURE, recipe=recipe, ended="done", losses={"content": 7.0, "total": 7.0}, layers=layers, curve=[], steps=3,
        evaluations=3, seconds=1.0, first_preview_seconds=0.1,
    )  # fmt: skip
    return summary(finish(job, PICTURE, "style"))


def test_losses_are_unweighted_as_in_the_chart() -> None:
    text = said(RECIPE, {"content:conv4_2": 3.0, "style:conv1_1": 20.0, "style:conv3_1": 5.0})
    assert "Losses: content 1.5, style 2.5 (unweighted: each before its weight)." in text


def test_a_weight_that_was_steered_is_the_last_one() -> None:
    journal = [{"evaluation": 1, "key": "style_weight", "value": v} for v in (5.0, 100.0)]
    text = said(RECIPE.changed({"journal": journal}), {"content:conv4_2": 3.0, "style:conv1_1": 20.0})
    assert "content 1.5, style 0.2 (" in text


def test_without_figures_nothing_is_said_of_losses() -> None:
    assert "Losses" not in said(RECIPE, {})
