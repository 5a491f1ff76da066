"""The picture between two sizes."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from playground.engine.canvas import resample
from playground.engine.run import Run
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from tests.helpers.networks import as_with_bfloat16
from tests.helpers.painting import Pictures, paint, plain, totals


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
        content_image, shown = run.painting.content_tensor, run.painting.canvas.image().detach()
        assert shown.shape[-1] == 2 * small.shape[-1]
        enlarged = resample(small, tuple(shown.shape[-2:]))
        if init == "content":  # nothing was painted yet: detail and enlarged photo are the photo
            detail = content_image - resample(
                resample(content_image, tuple(small.shape[-2:])), tuple(content_image.shape[-2:])
            )
            assert torch.allclose(shown, enlarged + detail, atol=1e-5)
            assert float((shown - content_image).abs().mean()) < 0.2 * float((enlarged - content_image).abs().mean())
        else:
            assert torch.allclose(shown, enlarged, atol=1e-5)


def test_single_precision_by_choice_where_the_device_has_less(
    hed: Weights, network: Vgg, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = plain(iterations=2, precision="float32")
    coarse = as_with_bfloat16(hed, monkeypatch)
    expected = totals(paint(pictures, network, single))
    assert totals(paint(pictures, coarse, single)) == expected
    assert totals(paint(pictures, coarse, single.changed({"precision": "auto"}))) != expected
