"""Runs that belong together, what sets them apart in words, and what a browser says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.engine.run import Run
from playground.images.pictures import Pictures
from playground.images.regions import encode_labels
from playground.networks import read
from playground.networks.vgg import Vgg
from playground.recipe.model import Change
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from playground.web.components import small_charts
from playground.web.studio import branches
from playground.web.visit import BrowserTold, told
from tests.helpers.waiting import until

RECIPE = load_preset().changed(
    {"content_weight": 0.8, "style_weight": 1.0, "size": 64, "iterations": 100_000, "scales": 1}
)
ME, OTHER = "me-and-nobody-else-at-all", "somebody-else-altogether"


@pytest.fixture
def jobs(hed: read.Weights, tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs("cpu", Limits(runs_each=9, max_runs=9, save_every=0.1), store=Store(tmp_path, 100))
    yield made
    made.close()


def begun(jobs: Jobs, visitor: str = ME) -> Job:
    """A run that pauses with a moment to go back to."""
    rng = np.random.default_rng(1)
    content, style = (Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for _ in range(2))
    job = jobs.start(Pictures(content, (style,)), RECIPE, visitor)
    until(lambda: job.frame is not None and job.frame.evaluations > 2)
    job.control.pause()
    until(lambda: job.state == "paused" and job.checkpoints is not None and job.checkpoints.evaluations != [])
    return job


def test_a_family_is_the_first_run_and_its_latest_branches(jobs: Jobs) -> None:
    run, stranger = begun(jobs), begun(jobs, OTHER)
    assert branches.family(jobs, run) == [run]
    made = [jobs.branch(run, 10**6, {"content_weight": float(weight)}, ME) for weight in range(2, 7)]
    for job in made:
        job.control.pause()
    assert branches.family(jobs, run) == [run, *made[1:]]
    assert branches.family(jobs, made[0])[:2] == [run, made[0]]  # the one on show is always among them
    assert stranger not in branches.family(jobs, run)
    until(lambda: made[4].checkpoints is not None and made[4].checkpoints.evaluations != [])
    until(lambda: made[4].picture is not None)
    grandchild = jobs.branch(made[4], 10**6, {"style_weight": 3.0}, ME)
    family = branches.family(jobs, grandchild)
    assert family == [run, *made[2:], grandchild]
    assert grandchild.parent is not None
    assert branches.title(grandchild, family) == f"Branch 4 from branch 3 at {grandchild.parent[1]}"
    until(lambda: grandchild.checkpoints is not None)
    assert branches.about(grandchild, family) == ["Style weight 1 → 3"]
    assert branches.about(made[4], family) == ["Content weight 0.8 → 6"]
    assert branches.about(run, family) == []
    run.control.change({"content_weight": 2.0})
    assert branches.about(run, family) == ["Content weight 0.8 → 2"]
    shown = branches.cards(family, grandchild)
    assert [card["shown"] for card in shown] == [False, False, False, False, True]
    assert all(job.id not in json.dumps(shown) for job in family)  # ids are secrets, and names do
    assert branches.comparison([run, made[4]]).width > 2 * 64


def test_a_branch_keeps_regions_to_the_same_bits(jobs: Jobs, hed: read.Weights) -> None:
    """From the middle of a run with a map, steered by region; its recipe alone paints the branch's picture again."""
    rng = np.random.default_rng(2)
    content, *styles = (Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for _ in range(3))
    labels = np.repeat(np.array([[0, 1, 2]], np.uint8), 30, 0).repeat(20, 1)
    recipe = RECIPE.changed({"regions": encode_labels(labels), "style_weights": (1.0, 0.5)})
    run = jobs.start(Pictures(content, tuple(styles)), recipe, ME)
    until(lambda: run.frame is not None and run.frame.evaluations > 2)
    run.control.pause()
    until(lambda: run.state == "paused" and run.checkpoints is not None and run.checkpoints.evaluations != [])
    branch = jobs.branch(run, 10**6, {"style_weights": [1.0, 2.0]}, ME)
    until(lambda: branch.frame is not None and branch.frame.evaluations > 8)
    branch.control.stop()
    until(lambda: branch.result is not None)
    assert branch.result is not None
    (*_, again) = Run(content, styles, branch.result.recipe, Vgg(hed)).frames()
    assert again.result is not None
    assert branch.result.recipe.regions == recipe.regions
    assert np.array_equal(np.asarray(again.result.picture), np.asarray(branch.result.picture))
    assert np.array_equal(np.asarray(branch.result.picture)[:, :20], np.asarray(content)[:, :20])  # left as it is


def test_differences_in_plain_words() -> None:
    changes = {"clip": False, "variation_weight": 0, "style_layers": {"conv1_1": 1, "conv3_1": 0}, "seed": 9}
    before = RECIPE.changed({"variation_weight": 1.5})
    said = branches.differences(before.changed({**changes, "preview_rate": 1}), before)
    assert "Variation weight 1.5 → 0" in said
    assert "Clip on → off" in said
    assert any(line.startswith("Style layers") and line.endswith("→ conv1_1") for line in said)
    assert len(said) == 3  # neither the seed, which no run can change, nor what is not seen in the painting


def test_what_a_branch_changes_and_what_it_cannot() -> None:
    before = RECIPE.changed({"style_weight": 5.0, "journal": [Change(evaluation=2, key="style_weight", value=5.0)]})
    mine = RECIPE.changed({"content_weight": 3.0, "size": 96, "seed": 4, "colours": "content"})
    assert branches.requested(mine, before) == {"content_weight": 3.0, "style_weight": 1.0}
    job = Job(Pictures(None, (Image.new("RGB", (8, 8)),)), RECIPE, ME, None, 1.0)  # type: ignore[arg-type]
    assert branches.left_out(mine, job).startswith("Size and Seed cannot change on the way")
    assert branches.left_out(RECIPE.changed({"content_weight": 3.0}), job) == ""


def test_the_chart_of_a_family_names_every_member() -> None:
    curve = [{"evaluations": float(at), "total": 10.0 / (at + 1)} for at in range(500)]
    drawn = small_charts.family_chart({"The run": curve[:300], "Branch 1 from 20": curve})
    assert 'data-last="499"' in drawn
    assert drawn.count("<polyline") == 2
    assert "Branch 1 from 20 0.02" in drawn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            json.dumps({"person": "a" * 24, "run": "x", "elsewhere": True, "key": "k"}),
            BrowserTold("a" * 24, "x", True, "k"),
        ),
        (json.dumps({"person": "short", "run": 5, "elsewhere": "yes", "key": None}), BrowserTold()),
        (json.dumps({"person": "../" * 9}), BrowserTold()),
        ("[" * 1500, BrowserTold()),
        ("{" + " " * 5000 + "}", BrowserTold()),
        ("[]", BrowserTold()),
        ("no JSON", BrowserTold()),
        (None, BrowserTold()),
    ],
)
def test_what_a_browser_says_is_read_as_hostile(text: object, expected: BrowserTold) -> None:
    assert told(text) == expected
