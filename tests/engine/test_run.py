"""The loop on the real network: golden runs against plain references, steering, pausing, recovering, going on."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine import run as run_module
from playground.engine.canvas import Space, first_picture, make_canvas, resample
from playground.engine.control import MemoryControl
from playground.engine.frames import CURVE_POINTS, Curve, Frame, Result
from playground.engine.run import Run, check_pictures
from playground.errors import PlaygroundError
from playground.images.convert import resize_picture, to_tensor
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from tests.helpers import reference
from tests.helpers.networks import identity_vgg19

SMALL = {"size": 64, "smallest": 48, "iterations": 6}


def paint(
    pictures: tuple[Image.Image, Image.Image], network: Vgg, recipe: Recipe, control: MemoryControl | None = None
) -> list[Frame]:
    return list(Run(*pictures, recipe, network, control).frames())


def result(frames: list[Frame]) -> Result:
    assert frames[-1].result is not None
    return frames[-1].result


def plain(**settings: object) -> Recipe:
    return Recipe(**{**SMALL, **settings})  # type: ignore[arg-type]


def totals(frames: list[Frame]) -> list[float]:
    return [frame.losses["total"] for frame in frames[1:-1]]


# ---------------------------------------------------------------- the sources, against references written apart


def maps_of(weights: Weights, convert, pool: str = "max"):
    return lambda unit: reference.forward(weights.tensors, convert(unit), pool)


def at_size(pictures: tuple[Image.Image, Image.Image], size: int) -> list[torch.Tensor]:
    return [to_tensor(resize_picture(picture, size)) for picture in pictures]


def test_gatys_adam_follows_its_source(hed: Weights, pictures: tuple[Image.Image, Image.Image]) -> None:
    from dataclasses import replace

    weights = identity_vgg19(hed)
    # The source's network takes torch's convention; with it these weights see a picture scaled down, which is fine.
    weights = replace(weights, network=replace(weights.network, convention="torch"))
    recipe = load_preset("gatys-adam").changed({"size": 64, "iterations": 4, "style_size": 96})
    assert (recipe.learning_rate, recipe.space, recipe.init) == (0.003, "normalised", "content")
    content, style = at_size(pictures, 64)[0], at_size(pictures, 96)[1]
    see = maps_of(weights, lambda normalised: normalised)
    photo, painting = see(reference.torch_input(content)), see(reference.torch_input(style))
    layers = {"conv1_1": 1.0, "conv2_1": 0.8, "conv3_1": 0.4, "conv4_1": 0.2, "conv5_1": 0.1}

    def loss(x: torch.Tensor) -> torch.Tensor:
        maps, value = see(x), recipe.content_weight * ((see(x)["conv4_2"] - photo["conv4_2"]) ** 2).mean()
        for name, weight in layers.items():
            ours = reference.raw_gram(maps[name]) / maps[name][0, 0].numel()
            theirs = reference.raw_gram(painting[name]) / painting[name][0, 0].numel()
            value = value + recipe.style_weight * weight / 4 * ((ours - theirs) ** 2).mean()
        return value

    expected = reference.adam(reference.torch_input(content), loss, 4, 0.003, (0.9, 0.999), 1e-8)
    assert totals(paint(pictures, Vgg(weights), recipe)) == pytest.approx(expected, rel=2e-3)
    # At equal sizes the loss is the source's own formula, with undivided Gram matrices.
    same = see(reference.torch_input(at_size(pictures, 64)[1]))
    total = reference.gatys_total(layers, recipe.content_weight, recipe.style_weight)(
        photo, photo, _as_size(same, photo)
    )
    recipe = recipe.changed({"style_size": "content"})
    first = totals(paint((pictures[0], pictures[1].resize(pictures[0].size)), Vgg(weights), recipe))[0]
    square = see(reference.torch_input(to_tensor(resize_picture(pictures[1].resize(pictures[0].size), 64))))
    total = reference.gatys_total(layers, recipe.content_weight, recipe.style_weight)(photo, photo, square)
    assert first == pytest.approx(float(total), rel=1e-3)


def _as_size(maps: dict[str, torch.Tensor], like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: maps[name][..., : like[name].shape[2], : like[name].shape[3]] for name in maps}


def test_vgg16_lbfgs_follows_its_source(hed: Weights, network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    recipe = load_preset("vgg16-lbfgs").changed({"size": 64, "iterations": 2, "lbfgs_evaluations": 5})
    content, style = at_size(pictures, 64)
    see = maps_of(hed, reference.caffe_input, "average")
    layers = {"conv1_2": 0.05, "conv2_2": 0.2, "conv3_2": 0.2, "conv4_2": 0.25, "conv5_2": 0.3}
    photo, painting = see(content), see(style)
    total = reference.rounds_total(layers, 15)
    means = torch.tensor([123.68, 116.779, 103.939], dtype=torch.float64).view(1, 3, 1, 1)

    def loss(centred: torch.Tensor) -> torch.Tensor:
        return total(see((centred + means) / 255), photo, painting)

    space = Space("centred")
    start = space.to(first_picture(recipe, content, style, space))
    assert float(start.abs().max()) <= 0.0251
    expected = reference.lbfgs(start, loss, rounds=2, evaluations=5, memory=10, clip=127.0)
    frames = paint(pictures, network, recipe)
    assert totals(frames) == pytest.approx(expected, rel=2e-2)
    assert totals(frames)[0] == pytest.approx(expected[0], rel=1e-4)
    assert (result(frames).steps, result(frames).evaluations) == (2, 10)


def test_tf_adam_tv_follows_its_source(hed: Weights, pictures: tuple[Image.Image, Image.Image]) -> None:
    weights = identity_vgg19(hed)
    recipe = load_preset("tf-adam-tv").changed({"size": 64, "iterations": 4, "style_size": 64})
    content, style = at_size(pictures, 64)
    see = maps_of(weights, reference.caffe_input)
    photo, painting = see(content), see(style)
    total = reference.variation_total(1e-2, 1e4, 1e8)
    start = first_picture(recipe, content, style, Space("unit"))
    assert float(start.std()) == pytest.approx(1, abs=0.05)
    assert float(start.mean()) == pytest.approx(0, abs=0.05)
    expected = reference.adam(
        start, lambda x: total(see(x), photo, painting, x), 4, 0.02, (0.99, 0.999), 0.1, clip=(0.0, 1.0)
    )
    assert totals(paint(pictures, Vgg(weights), recipe)) == pytest.approx(expected, rel=2e-3)


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
@pytest.mark.parametrize("space", ["unit", "centred"])
def test_a_new_size_has_the_photos_finest_detail(
    canvas: str, space: str, network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    settings = {"scales": 2, "canvas": canvas, "space": space, "clip": False, "size": 96, "smallest": 48}
    for init in ("content", "grey"):
        run = Run(*pictures, plain(**settings, init=init), network)
        small = run.painting.canvas.image().detach()
        run.painting.next_stage()
        photo, shown = run.painting.content_tensor, run.painting.canvas.image().detach()
        assert shown.shape[-1] == 2 * small.shape[-1]
        enlarged = resample(small, tuple(shown.shape[-2:]))
        if init == "content":  # nothing was painted yet: detail and enlarged photo are the photo
            detail = photo - resample(resample(photo, tuple(small.shape[-2:])), tuple(photo.shape[-2:]))
            assert torch.allclose(shown, enlarged + detail, atol=1e-5)
            assert float((shown - photo).abs().mean()) < 0.2 * float((enlarged - photo).abs().mean())
        else:
            assert torch.allclose(shown, enlarged, atol=1e-5)


@pytest.mark.parametrize("init", ["content", "noise", "grey", "style", "mix"])
@pytest.mark.parametrize("space", ["unit", "normalised", "centred"])
def test_starts(pictures: tuple[Image.Image, Image.Image], init: str, space: str) -> None:
    content, style = at_size(pictures, 64)
    mean = 0.5 if space == "unit" else 0.0
    recipe = plain(
        init=init, space=space, noise_mean=mean, noise_scale=25.0 if space == "centred" else 0.1, init_mix=0.25
    )
    units = Space(space)
    first = first_picture(recipe, content, style, units)
    assert first.shape == content.shape
    shown = make_canvas(recipe, first, units).image()
    assert torch.allclose(shown, first, atol=1e-5)
    if init == "content":
        assert torch.equal(first, content)
    if init == "grey":
        assert float(first.std(dim=(2, 3)).max()) < 1e-6
        assert 0.4 < float(first.mean()) < 0.51
    if init == "noise":
        assert 0.0 < float(first.std()) < 0.2
    if init == "mix":
        noise = first_picture(recipe.changed({"init": "noise"}), content, style, units)
        assert torch.allclose(first, 0.25 * content + 0.75 * noise, atol=1e-6)


@pytest.mark.parametrize("canvas", ["pixels", "pyramid"])
def test_clipping_keeps_the_screen_s_range(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], canvas: str
) -> None:
    recipe = plain(learning_rate=0.5, canvas=canvas, iterations=3)
    run = Run(*pictures, recipe, network)
    list(run.frames())
    assert -1e-6 <= float(run.painting.canvas.image().min()) <= float(run.painting.canvas.image().max()) <= 1 + 1e-6
    run = Run(*pictures, recipe.changed({"clip": False}), network)
    list(run.frames())
    assert float(run.painting.canvas.image().max()) > 1.1 or float(run.painting.canvas.image().min()) < -0.1


def test_decay_lowers_the_rate(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    frames = paint(pictures, network, plain(learning_rate=0.1, decay_steps=2, decay_factor=0.5))
    rates = [frame.learning_rate for frame in frames[:-1]]
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125])


def test_original_colours(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    recipe = plain()
    painted = result(paint(pictures, network, recipe)).picture
    kept = result(paint(pictures, network, recipe.changed({"original_colours": True}))).picture
    luma = [np.asarray(picture.convert("L"), dtype=float) for picture in (painted, kept)]
    assert np.abs(luma[0] - luma[1]).mean() < 3
    assert np.abs(np.asarray(painted, float) - np.asarray(kept, float)).mean() > 3


# ---------------------------------------------------------------- steering


def steered(run: Run, control: MemoryControl, at: int, action) -> Iterator[Frame]:
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


def test_a_change_that_cannot_be_is_refused_and_harmless(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    control = MemoryControl()
    run = Run(*pictures, plain(), network, control)
    frames = list(steered(run, control, 2, lambda c: c.change({"style_weight": -1.0})))
    assert any("not changed" in (frame.note or "") for frame in frames)
    assert result(frames).ended == "done"


def test_iterations_can_be_raised_and_lowered(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    for wished, expected in [(9, 9), (1, 3)]:
        control = MemoryControl()
        run = Run(*pictures, plain(), network, control)
        frames = list(steered(run, control, 3, lambda c, n=wished: c.change({"iterations": n})))
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
    measured = run.painting.measure_shares()
    assert list(measured.values()) == pytest.approx([length / sum(lengths) for length in lengths], rel=1e-4)


# ---------------------------------------------------------------- when things go wrong


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_loss_that_is_no_number_goes_back_and_halves_the_rate(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = plain(optimizer=optimizer, lbfgs_evaluations=8, iterations=8 if optimizer == "adam" else 1)
    run = Run(*pictures, recipe, network)
    judge = run.painting.objective.__class__.__call__

    def broken(self, image):
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


# ---------------------------------------------------------------- snapshots


@pytest.mark.parametrize(
    "settings",
    [
        {"average": 0.8, "scales": 2, "size": 96},
        {"optimizer": "lbfgs", "iterations": 2, "lbfgs_evaluations": 4, "learning_rate": 1.0},
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


def test_a_curve_keeps_its_first_and_last_point_and_stays_small() -> None:
    curve = Curve()
    for step in range(20_000):
        curve.add({"step": step})
    steps = [point["step"] for point in curve.points]
    assert steps[0] == 0
    assert steps[-1] == 19_999
    assert len(steps) <= CURVE_POINTS + 1
    assert steps == sorted(set(steps))
    gaps = np.diff(steps[:-1])
    assert gaps.min() == gaps.max()


# ---------------------------------------------------------------- losses that are read some at a time


@pytest.fixture
def slowly_read(monkeypatch: pytest.MonkeyPatch, pictures: tuple[Image.Image, Image.Image], network: Vgg):
    """A run that reads its losses as on an accelerator, and seldom."""
    monkeypatch.setattr(run_module, "READ_EVERY", 3600.0)

    def make(control: MemoryControl | None = None, **settings: object) -> Run:
        run = Run(*pictures, plain(**{"iterations": 9, "preview_rate": 0.1, **settings}), network, control)
        run.painting.device = SimpleNamespace(type="cuda")  # type: ignore[assignment]
        return run

    return make


def test_no_loss_stays_behind_at_the_end(slowly_read) -> None:
    frames = list(slowly_read().frames())
    assert [frame.evaluations for frame in frames if frame.losses] == [*range(1, 10), 9]
    assert len(result(frames).curve) == 9


@pytest.mark.parametrize("order", ["stop", "pause"])
def test_no_loss_stays_behind_when_told_to_wait(monkeypatch: pytest.MonkeyPatch, slowly_read, order: str) -> None:
    monkeypatch.setattr(run_module, "PAUSED_EVERY", 0.01)
    control = MemoryControl()
    run = slowly_read(control)
    evaluate = run.painting.evaluate

    def told() -> torch.Tensor:
        if run.evaluations == 5:
            getattr(control, order)()
        return evaluate()

    monkeypatch.setattr(run.painting, "evaluate", told)
    seen = []
    for frame in run.frames():
        seen += [frame.evaluations] * bool(frame.losses)
        if frame.state != "running":
            break
    assert list(dict.fromkeys(seen)) == [1, 2, 3, 4, 5, 6]


def test_a_late_loss_that_is_no_number_is_recovered_from(monkeypatch: pytest.MonkeyPatch, slowly_read) -> None:
    run = slowly_read(clip=False)
    evaluate = run.painting.evaluate

    def broken() -> torch.Tensor:
        terms = evaluate()
        return terms * float("nan") if run.evaluations == 8 else terms

    monkeypatch.setattr(run.painting, "evaluate", broken)
    frames = list(run.frames())
    assert run.painting.recoveries
    assert all(np.isfinite(point["total"]) for point in result(frames).curve)
    assert all(np.isfinite(value) for frame in frames for value in frame.losses.values())
