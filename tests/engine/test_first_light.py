"""First light: shown before anything is painted, and without any say in what is painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from playground.engine.first_light import NOTE, lit
from playground.engine.run import Run
from playground.feedforward.any_stylizer import AnyStylizer
from playground.images.convert import resize_picture, to_array, to_tensor
from playground.networks import any_painting
from playground.networks.vgg import Vgg
from tests.helpers.painting import Pictures, paint, plain, result

TWO_SIZES = {"size": 96, "scales": 2, "smallest": 48, "iterations": 4, "preview_rate": 4}


pytestmark = pytest.mark.usefixtures("any_painting")


def test_the_first_picture_is_what_the_network_for_any_painting_sees(network: Vgg, pictures: Pictures) -> None:
    frames = paint(pictures, network, plain(**TWO_SIZES, first_light=True))
    assert frames[0].evaluations == 0
    assert frames[0].note == NOTE
    expected = AnyStylizer([(pictures[1], 1.0)], "x")(to_tensor(resize_picture(pictures[0], 96)))
    assert frames[0].picture is not None
    assert np.array_equal(frames[0].picture, to_array(expected))
    assert [frame.note for frame in frames].count(NOTE) == 1


def test_it_changes_no_bit_of_what_is_painted(network: Vgg, pictures: Pictures) -> None:
    on, off = (result(paint(pictures, network, plain(**TWO_SIZES, first_light=light))) for light in (True, False))
    assert np.array_equal(np.asarray(on.picture), np.asarray(off.picture))
    assert on.last is not None
    assert off.last is not None
    assert np.array_equal(np.asarray(on.last), np.asarray(off.last))


def test_smaller_sizes_are_shown_at_full_size_with_its_detail(network: Vgg, pictures: Pictures) -> None:
    run = Run(*pictures, plain(**TWO_SIZES, first_light=True), network)
    for frame in run.frames():
        if frame.evaluations == 1:
            break
    painting = run.painting
    assert painting.schedule.size == 48
    assert painting.light is not None
    shown = painting.preview()
    assert shown.shape == painting.light.shape
    assert torch.equal(shown, lit(painting.shown(), painting.light))
    resumed = Run(*pictures, plain(**TWO_SIZES, first_light=True), network, snapshot=run.snapshot())
    first = next(resumed.frames())
    assert first.note is None
    assert first.picture is not None
    assert np.array_equal(first.picture, to_array(shown))


def test_of_first_light_itself_nothing_is_lost() -> None:
    light = torch.rand((1, 3, 32, 48), generator=torch.Generator().manual_seed(1))
    small = torch.nn.functional.interpolate(light, size=(16, 24), mode="bicubic", align_corners=False, antialias=True)
    torch.testing.assert_close(lit(small, light), light, rtol=0, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"first_light": True, "init": "noise"}])
def test_without_it_the_first_picture_is_the_start(
    network: Vgg, pictures: Pictures, settings: dict[str, object]
) -> None:
    run = Run(*pictures, plain(**{**TWO_SIZES, **settings}), network)
    first = next(run.frames())
    assert first.note is None
    assert first.picture is not None
    assert np.array_equal(first.picture, to_array(run.painting.shown()))


def test_a_machine_without_the_network_paints_without_it(
    network: Vgg, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    any_painting.load_any_painting.cache_clear()
    frames = paint(pictures, network, plain(**TWO_SIZES, first_light=True))
    assert not any(frame.note for frame in frames)
    assert result(frames).ended == "done"
