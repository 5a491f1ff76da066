"""A snapshot goes on to the same bits, and stays readable: its format is that of stored runs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.run import Run
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from tests.helpers.painting import Pictures, paint, plain, result


@pytest.mark.parametrize(
    "settings",
    [
        {"average": 0.8, "scales": 2, "size": 96},
        {"optimizer": "lbfgs", "iterations": 2, "lbfgs_evaluations": 4, "learning_rate": 1.0},
        {"optimizer": "lbfgs", "iterations": 2, "lbfgs_evaluations": 4, "learning_rate": 1.0, "lbfgs_search": "wolfe"},
        {"canvas": "pyramid"},
    ],
)
@pytest.mark.parametrize("at", [2, 5])
def test_a_snapshot_goes_on_to_the_same_bits(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], settings: dict[str, object], at: int
) -> None:
    recipe = plain(**settings)
    whole = result(paint(pictures, network, recipe))
    run = Run(*pictures, recipe, network)
    for frame in run.frames():
        if frame.evaluations == at:
            break
    file = io.BytesIO()
    torch.save(run.snapshot(), file)
    file.seek(0)
    resumed = Run(*pictures, recipe, network, snapshot=torch.load(file, weights_only=True))
    rest = result(list(resumed.frames()))
    assert rest.evaluations == whole.evaluations
    assert np.array_equal(np.asarray(rest.picture), np.asarray(whole.picture))
    assert [point["total"] for point in rest.curve] == [point["total"] for point in whole.curve]


ADAM_STATE = {"step", "exp_avg", "exp_avg_sq"}
LBFGS_STATE = {"vectors", "order", "place", "scale", "length", "products"}


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_format_is_that_of_stored_runs(network: Vgg, pictures: Pictures, optimizer: str) -> None:
    """Taken apart to plain data and built anew by hand, key by key, as version 0.1 wrote it."""
    recipe = plain(optimizer=optimizer, lbfgs_evaluations=3, iterations=4, average=0.5, learning_rate=0.05)
    whole = result(paint(pictures, network, recipe))
    run = Run(*pictures, recipe, network)
    for frame in run.frames():
        if frame.evaluations == 2:
            break
    taken = run.snapshot()
    by_hand: dict[str, Any] = {
        "recipe": recipe.to_json(),
        "base": recipe.to_json(),
        "stages": [{"size": 64, "iterations": 4, "evaluations": None}],
        "done_before": [],
        "journal": [],
        "numbers": {
            "stage": 0,
            "stage_step": 2 if optimizer == "adam" else 0,
            "stage_evaluations": 2,
            "round_evaluations": 0 if optimizer == "adam" else 2,
            "evaluations": 2,
            "rate_scale": 1.0,
            "failed_in_a_row": 0,
            "seconds": frame.seconds,
            "first_preview": taken["numbers"]["first_preview"],
            "stage_began": 0.0,
            "stage_limit": 4,
            "pixel_cost": 0.0,
        },
        "average_weight": 1.5 if optimizer == "adam" else 1.0,
        "recoveries": [],
        "curve": {"points": taken["curve"]["points"], "every": 1, "seen": 2},
        "parameters": [tensor.clone() for tensor in taken["parameters"]],
        "optimizer": taken["optimizer"],
        "best": [tensor.clone() for tensor in taken["best"]],
        "best_total": min(point["total"] for point in taken["curve"]["points"]),
        "best_terms": list(taken["best_terms"]),
        "best_names": ["content:conv4_2", *(f"style:conv{block}_1" for block in range(1, 6))],
        "average": [tensor.clone() for tensor in taken["average"]] if taken["average"] else None,
    }
    assert taken.keys() == by_hand.keys()
    for key in ("stages", "done_before", "journal", "numbers", "average_weight", "recoveries", "curve", "best_names"):
        assert taken[key] == by_hand[key], key
    state = taken["optimizer"]["state"][0] if optimizer == "adam" else taken["optimizer"]
    assert set(state) == (ADAM_STATE if optimizer == "adam" else LBFGS_STATE)
    rest = result(list(Run(*pictures, Recipe(), network, snapshot=by_hand).frames()))
    assert np.array_equal(np.asarray(rest.picture), np.asarray(whole.picture))
    assert [point["total"] for point in rest.curve] == [point["total"] for point in whole.curve]
