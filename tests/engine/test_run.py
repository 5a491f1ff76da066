"""The loop on the real network: frames, steering, pausing, recovering."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.engine.run import Run, check_pictures
from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from tests.helpers.painting import paint, plain, result, totals

# ---------------------------------------------------------------- frames and the result


def test_frames_tell_what_happens(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    frames = paint(pictures, network, plain(variation_weight=0.1, learning_rate=0.003))
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert frames[0].picture is not None
    assert frames[1].picture is not None
    for frame in frames[1:]:
        layers = sum(frame.layers.values())
        parts = sum(frame.losses[kind] for kind in ("content", "style", "variation"))
        assert frame.losses["total"] == pytest.approx(layers) == pytest.approx(parts)
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(frames))
    last = result(frames)
    assert (last.ended, last.picture.size, last.steps) == ("done", (64, 48), 6)
    assert last.losses["total"] == pytest.approx(min(totals(frames)))
    assert [point["step"] for point in last.curve] == [1, 2, 3, 4, 5, 6]
    assert totals(frames)[-1] < totals(frames)[0]


@pytest.mark.parametrize("canvas", ["pixels", "pyramid"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_same_seed_same_bits(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], canvas: str, optimizer: str
) -> None:
    recipe = plain(init="mix", canvas=canvas, optimizer=optimizer, iterations=3, lbfgs_evaluations=2, scales=2, size=96)
    first, second = (np.asarray(result(paint(pictures, network, recipe)).picture) for _ in range(2))
    assert np.array_equal(first, second)
    other = np.asarray(result(paint(pictures, network, recipe.changed({"seed": 1}))).picture)
    assert not np.array_equal(first, other)


def test_sizes_grow_and_the_result_has_the_full_one(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    recipe = plain(size=128, scales=2, iterations=6)
    frames = paint(pictures, network, recipe)
    assert sorted({frame.size[0] for frame in frames[:-1]}) == [64, 128]
    assert result(frames).picture.size == (128, 96)
    assert [stage.iterations for stage in result(frames).recipe.plan or ()] == [3, 3]


@pytest.mark.parametrize("canvas", ["pixels", "pyramid"])
def test_clipping_keeps_the_screen_s_range(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], canvas: str
) -> None:
    recipe = plain(learning_rate=0.5, canvas=canvas, iterations=3)
    run = Run(*pictures, recipe, network)
    list(run.frames())
    picture = run.painting.canvas.image().detach()
    assert -1e-6 <= float(picture.min()) <= float(picture.max()) <= 1 + 1e-6
    run = Run(*pictures, recipe.changed({"clip": False}), network)
    list(run.frames())
    picture = run.painting.canvas.image().detach()
    assert float(picture.max()) > 1.1 or float(picture.min()) < -0.1


@pytest.mark.parametrize("settings", [{}, {"style_size": 48}, {"init": "style", "scales": 2, "scale_factor": 1.3}])
def test_a_cut_run_is_the_run_of_what_is_cut(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], settings: dict[str, Any]
) -> None:
    content, style = pictures  # 320×240 and 400×300
    recipe = plain(iterations=2, crop="3:4", **settings)
    cut = content.crop((70, 0, 250, 240)), style.crop((87, 0, 312, 300))
    expected = result(
        paint((cut[0], style if "style_size" in settings else cut[1]), network, plain(iterations=2, **settings))
    )
    found = result(paint(pictures, network, recipe))
    assert found.picture.size == expected.picture.size == (48, 64)
    assert found.picture.tobytes() == expected.picture.tobytes()
    assert found.recipe.crop == "3:4"
    again = result(paint(pictures, network, found.recipe))
    assert again.picture.tobytes() == found.picture.tobytes()
    assert again.recipe == found.recipe


def test_decay_lowers_the_rate(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    frames = paint(pictures, network, plain(learning_rate=0.1, decay_steps=2, decay_factor=0.5))
    rates = [frame.learning_rate for frame in frames[:-1]]
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125])


def test_original_colours(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    recipe = plain()
    painted = result(paint(pictures, network, recipe)).picture
    kept = result(paint(pictures, network, recipe.changed({"colours": "content"}))).picture
    luma = [np.asarray(picture.convert("L"), dtype=float) for picture in (painted, kept)]
    assert np.abs(luma[0] - luma[1]).mean() < 3
    assert np.abs(np.asarray(painted, float) - np.asarray(kept, float)).mean() > 3


# ---------------------------------------------------------------- steering


def steered(
    run: Run, control: MemoryControl, at: int, action: Callable[[MemoryControl], object] | None
) -> Iterator[Frame]:
    """The run's frames, with `action(control)` done once, after the frame of evaluation `at`."""
    for frame in run.frames():
        yield frame
        if frame.evaluations == at and action is not None:
            action(control)
            action = None


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_change_acts_at_the_next_evaluation(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], optimizer: str
) -> None:
    control = MemoryControl()
    recipe = plain(
        optimizer=optimizer, lbfgs_evaluations=6, iterations=6 if optimizer == "adam" else 1, learning_rate=0.05
    )
    run = Run(*pictures, recipe, network, control)
    frames = list(steered(run, control, 3, lambda c: c.change({"style_weight": 100.0})))
    style = [frame.losses["style"] for frame in frames[1:-1]]
    assert style[3] > 20 * style[2]
    journal = result(frames).recipe.journal
    assert [(change.evaluation, change.key, change.value) for change in journal] == [(3, "style_weight", 100.0)]
    notes = [frame.note for frame in frames if frame.note]
    assert ("memory" in " ".join(notes)) == (optimizer == "lbfgs")
    # The result is the best since the change, not the best before it with smaller weights.
    assert result(frames).losses["total"] == pytest.approx(min(frame.losses["total"] for frame in frames[4:-1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"style_layers": {"conv3_2": 1.0}},
        {"content_layers": {"conv2_1": 2.0, "conv4_2": 0.0}},
        {"pool": "average", "pool_rescale": True},
        {"style_size": 40},
        {"learning_rate": 0.1, "beta1": 0.5},
        {"variation_weight": 3.0},
        {"clip": False, "average": 0.5},
        {"padding": "replicate"},
    ],
)
def test_every_live_setting_replays_to_the_same_bits(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], changes: dict[str, object]
) -> None:
    control = MemoryControl()
    frames = list(steered(Run(*pictures, plain(), network, control), control, 2, lambda c: c.change(changes)))
    first = result(frames)
    assert {change.key for change in first.recipe.journal} == set(changes)
    again = result(paint(pictures, network, Recipe.model_validate_json(first.recipe.to_json())))
    assert np.array_equal(np.asarray(first.picture), np.asarray(again.picture))
    assert again.recipe.journal == first.recipe.journal
    untouched = result(paint(pictures, network, plain()))
    assert not np.array_equal(np.asarray(first.picture), np.asarray(untouched.picture))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"style_weight": -1.0}, "greater than or equal to 0"), ({"styleweight": 1.0}, "did you mean 'style_weight'")],
)
def test_a_change_that_cannot_be_is_refused_and_harmless(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], changes: dict[str, object], words: str
) -> None:
    control = MemoryControl()
    run = Run(*pictures, plain(), network, control)
    frames = list(steered(run, control, 2, lambda c: c.change(changes)))
    assert any("not changed" in (frame.note or "") and words in str(frame.note) for frame in frames)
    assert result(frames).ended == "done"


def test_iterations_can_be_raised_and_lowered(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    for wished, expected in [(9, 9), (1, 3)]:
        control = MemoryControl()
        run = Run(*pictures, plain(), network, control)
        frames = list(steered(run, control, 3, lambda c: c.change({"iterations": wished})))  # noqa: B023
        assert result(frames).steps == expected


def test_stop_keeps_the_picture_and_reruns_to_the_same_bits(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    """Also in the middle of a round of L-BFGS."""
    control = MemoryControl()
    recipe = plain(optimizer="lbfgs", lbfgs_evaluations=4, iterations=5, learning_rate=1.0)
    frames = list(steered(Run(*pictures, recipe, network, control), control, 6, lambda c: c.stop()))
    first = result(frames)
    assert (first.ended, first.evaluations) == ("stopped", 6)
    again = result(paint(pictures, network, first.recipe))
    assert again.evaluations == 6
    assert np.array_equal(np.asarray(first.picture), np.asarray(again.picture))


def test_stop_in_a_small_size_still_gives_the_full_one(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    control = MemoryControl()
    recipe = plain(size=128, scales=2, iterations=8)
    frames = list(steered(Run(*pictures, recipe, network, control), control, 2, lambda c: c.stop()))
    assert result(frames).picture.size == (128, 96)


def test_pause_and_resume_do_not_change_the_picture(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    control = MemoryControl()
    states = []
    for frame in steered(Run(*pictures, plain(), network, control), control, 2, lambda c: c.pause()):
        states.append(frame.state)
        if frame.state == "paused":
            assert frame.evaluations == 2
            control.resume()
    assert "paused" in states
    assert np.array_equal(
        np.asarray(result(paint(pictures, network, plain())).picture), np.asarray(result([frame]).picture)
    )


def test_a_paused_run_can_be_stopped_and_closed(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    control = MemoryControl()
    control.pause()
    frames = Run(*pictures, plain(), network, control).frames()
    next(frames)
    assert next(frames).state == "paused"
    threading.Timer(0.05, control.stop).start()
    assert result(list(frames)).ended == "stopped"


def test_the_clock_ends_a_run(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    frames = paint(pictures, network, plain(iterations=100_000, seconds=0.5))
    last = result(frames)
    assert last.ended == "time"
    assert last.recipe.seconds is None
    again = result(paint(pictures, network, last.recipe))
    assert again.ended == "done"
    assert np.array_equal(np.asarray(last.picture), np.asarray(again.picture))


def test_a_change_that_is_not_live_is_refused_in_words_and_the_run_goes_on(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    control, notes = MemoryControl(), []
    run = Run(*pictures, plain(iterations=6), network, control)
    for frame in run.frames():
        notes += [frame.note] if frame.note else []
        if frame.evaluations == 2 and frame.result is None:
            control.change({"size": 96})
        if frame.evaluations == 4 and frame.result is None:
            control.change({"style_layers.conv1_1": 0.5})  # merged into the others, as in a recipe
    last = result([frame])
    assert notes == ["not changed: size is settled when a run starts"]
    assert (last.ended, last.steps, last.picture.width, last.recipe.size) == ("done", 6, 64, 64)
    assert [(change.evaluation, change.key) for change in last.recipe.journal] == [(4, "style_layers")]
    again = result(paint(pictures, network, last.recipe))
    assert np.array_equal(np.asarray(last.picture), np.asarray(again.picture))


def test_shares_of_the_gradient_on_request(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    control = MemoryControl()
    assert not any(frame.shares for frame in paint(pictures, network, plain(), control))
    control.want_shares(True)
    recipe = plain(variation_weight=0.5, init="noise")
    shares = [frame.shares for frame in paint(pictures, network, recipe, control) if frame.shares]
    assert shares
    assert set(shares[0]) == {"content", "style", "variation"}
    assert sum(shares[0].values()) == pytest.approx(1)
    # Against the definition, by gradients of each term alone in the same first picture.
    run = Run(*pictures, recipe, network)
    image = run.painting.canvas.image().detach().requires_grad_(True)
    lengths = []
    for kind in ("content", "style", "variation"):
        terms = run.painting.objective(image).terms
        alone = torch.stack([value for name, value in terms.items() if name.startswith(kind)]).sum()
        lengths.append(float(torch.autograd.grad(alone, image)[0].norm()))
    measured = run.painting.measure_pulls().shares
    assert list(measured.values()) == pytest.approx([length / sum(lengths) for length in lengths], rel=1e-4)


# ---------------------------------------------------------------- when things go wrong


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_loss_that_is_no_number_goes_back_and_halves_the_rate(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = plain(optimizer=optimizer, lbfgs_evaluations=8, iterations=8 if optimizer == "adam" else 1)
    run = Run(*pictures, recipe, network)
    judge = run.painting.objective.__class__.__call__

    def broken(self: Any, image: Tensor) -> Any:
        losses = judge(self, image)
        return judge(self, image * float("nan")) if run.evaluations == 4 else losses

    monkeypatch.setattr(run.painting.objective.__class__, "__call__", broken)
    frames = list(run.frames())
    last = result(frames)
    assert last.ended.startswith("recovered: ")
    assert "halved" in last.ended
    assert run.painting.rate_scale == 0.5
    assert all(np.isfinite(value) for point in last.curve for value in point.values())
    assert np.asarray(last.picture).std() > 10


def test_weights_that_overflow_end_with_the_start_not_in_black(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    frames = paint(pictures, network, plain(style_weight=1e30, style_layers={"conv1_1": 1e30}))
    last = result(frames)
    assert last.ended.startswith("recovered: ")
    assert np.abs(np.asarray(last.picture, float) - np.asarray(resize_picture(pictures[0], 64), float)).max() <= 1
    assert last.losses["total"] == 0.0
    assert last.curve == []


def test_a_strip_too_thin_for_the_network_is_refused() -> None:
    with pytest.raises(PlaygroundError, match="size of at least 320 px"):
        check_pictures(Image.new("RGB", (1000, 100)), 64)
    check_pictures(Image.new("RGB", (1000, 100)), 320)
    check_pictures(Image.new("RGB", (1000, 100)), 64, "1:1")
    with pytest.raises(PlaygroundError, match="size of at least 57 px"):
        check_pictures(Image.new("RGB", (100, 100)), 55, "16:9")
