"""The photo with a small picture's light: the fit against a slow loop, bands, sizes, and what it must leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from playground.images import local_colours
from playground.images.convert import resize_picture, to_picture, to_tensor
from playground.images.finish import finished
from playground.images.local_colours import fit_local_colours, take_light, within_pixels
from playground.recipe.model import Recipe


def slow_fit(photo: np.ndarray, painted: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """a (h×w×3×3, input by output) and b (h×w×3), window by window and pixel by pixel; pictures h×w×3."""
    height, width, _ = photo.shape
    radius = 6
    a, b = np.zeros((height, width, 3, 3)), np.zeros((height, width, 3))
    for y in range(height):
        for x in range(width):
            rows = range(max(margin, y - radius), min(height - margin, y + radius + 1))
            columns = range(max(margin, x - radius), min(width - margin, x + radius + 1))
            guide = np.array([photo[i, j] for i in rows for j in columns])
            target = np.array([painted[i, j] for i in rows for j in columns])
            centred = guide - guide.mean(0)
            variance = centred.T @ centred / len(guide) + 0.1 * np.eye(3)
            a[y, x] = np.linalg.inv(variance) @ (centred.T @ (target - target.mean(0)) / len(guide) + 0.1 * np.eye(3))
            b[y, x] = target.mean(0) - guide.mean(0) @ a[y, x]
    smooth_a, smooth_b = np.zeros_like(a), np.zeros_like(b)
    for y in range(height):
        for x in range(width):
            window = np.s_[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
            smooth_a[y, x], smooth_b[y, x] = a[window].mean((0, 1)), b[window].mean((0, 1))
    return smooth_a, smooth_b


def random(height: int, width: int, seed: int) -> torch.Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width", "margin"), [(21, 30, 3), (9, 17, 0), (5, 40, 1), (16, 16, 4)])
def test_the_fit_is_that_of_the_formula(height: int, width: int, margin: int) -> None:
    photo, painted = random(height, width, 1), random(height, width, 2)
    fit = fit_local_colours(photo, painted, margin)
    used = margin if min(height, width) > 4 * margin else 0
    plain, changed = (x[0].permute(1, 2, 0).double().numpy() for x in (photo, painted))
    a, b = slow_fit(plain, changed, used)
    ours = fit.matrices.unflatten(0, (3, 3)).permute(2, 3, 1, 0).numpy()
    assert ours == pytest.approx(a, abs=1e-5)
    assert fit.offsets.permute(1, 2, 0).numpy() == pytest.approx(b, abs=1e-5)


def test_an_affine_change_of_colour_is_found_and_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_colours, "EPSILON", 1e-6)  # which else draws it to none
    matrix = torch.tensor([[0.6, 0.2, 0.0], [0.1, 0.5, 0.1], [0.0, 0.1, 0.7]])
    large = to_picture(random(150, 100, 3))
    small = resize_picture(large, 60)
    wanted = torch.einsum("kc,nchw->nkhw", matrix, to_tensor(small)) + 0.1
    fit = fit_local_colours(to_tensor(small), wanted)
    expected = torch.einsum("kc,nchw->nkhw", matrix, to_tensor(large)) + 0.1
    got = to_tensor(fit.applied(large))
    assert float((got - expected).abs().mean()) < 0.002


def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, painted = to_picture(random(70, 90, 4)), to_picture(random(35, 45, 5))
    whole = take_light(painted, photo)
    monkeypatch.setattr(local_colours, "BAND_VALUES", 1)  # a row at a time
    assert np.abs(np.asarray(take_light(painted, photo)).astype(int) - np.asarray(whole)).max() <= 1


def test_enlarging_is_bilinear_between_the_middles_of_pixels() -> None:
    """Compared with torch's own, which enlarges the whole at once."""
    photo, painted = random(24, 18, 6), random(24, 18, 7)
    fit = fit_local_colours(photo, painted)
    large = to_picture(random(61, 47, 8))
    a, b = (
        torch.nn.functional.interpolate(x[None], size=(61, 47), mode="bilinear", align_corners=False)[0]
        for x in (fit.matrices, fit.offsets)
    )
    expected = torch.einsum("kchw,chw->khw", a.unflatten(0, (3, 3)), to_tensor(large)[0]) + b
    assert float((to_tensor(fit.applied(large))[0] - expected.clamp(0, 1)).abs().max()) <= 0.5 / 255 + 1e-4


def test_what_a_network_paints_along_the_frame_is_not_believed() -> None:
    photo = random(60, 80, 9)
    painted, haloed = photo * 0.8, torch.ones_like(photo)
    haloed[..., 2:-2, 2:-2] = painted[..., 2:-2, 2:-2]
    ours, theirs = fit_local_colours(photo, haloed), fit_local_colours(photo, painted)
    assert torch.equal(ours.matrices, theirs.matrices)
    assert not torch.equal(fit_local_colours(photo, haloed, margin=0).matrices, theirs.matrices)


def test_the_same_picture_and_flat_ones_stay() -> None:
    photo = to_picture(random(64, 48, 10))
    same = np.asarray(take_light(photo, photo)).astype(int) - np.asarray(photo)
    assert np.abs(same).max() == 0
    flat = Image.new("RGB", (40, 30), (200, 100, 50))
    assert take_light(Image.new("RGB", (20, 15), (30, 60, 90)), flat).getpixel((0, 29)) == (30, 60, 90)


def test_finished_gives_the_photo_at_its_own_size() -> None:
    photo, painted = to_picture(random(90, 120, 11)), to_picture(random(30, 40, 12))
    shown = finished(painted, photo, [], Recipe(colours="fitted"))
    assert shown.size == (120, 90)
    assert shown.tobytes() == take_light(painted, photo).tobytes()


def test_a_photo_of_too_many_pixels_is_brought_within_them() -> None:
    assert within_pixels(6000, 4000, 24e6) == 6000
    assert within_pixels(640, 480, 24e6) == 640
    long_side = within_pixels(4000, 9000, 24e6)
    assert long_side * long_side * 4000 / 9000 <= 24e6 < (long_side + 1) ** 2 * 4000 / 9000
