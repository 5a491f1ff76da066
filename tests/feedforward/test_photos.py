"""Folders of photographs as repeatable streams of crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.photos import BUNDLED, Crops, Photos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures flat and nested, in several formats and sizes, among things that are none."""
    chance = np.random.default_rng(0)
    for number, name in enumerate(["a.png", "b.JPG", "deep/er/c.webp", "deep/d.bmp", "e.gif", "deep/no suffix"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(chance.integers(0, 255, (40 + 9 * number, 90 - 7 * number, 3), dtype=np.uint8))
        picture.save(path, "PNG" if "." not in path.name else None)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "deep" / "empty.jpg").write_bytes(b"")
    return tmp_path


def test_any_layout_is_read_and_broken_files_are_named(folder: Path) -> None:
    said: list[str] = []
    photos = Photos(folder, lambda sentence, _share: said.append(sentence))
    assert len(photos) == 6
    assert photos.broken == ["cut.png", str(Path("deep") / "empty.jpg")]
    assert said


def test_folders_without_photographs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError, match="there is no folder"):
        Photos(tmp_path / "missing")
    with pytest.raises(PlaygroundError, match="no photograph that can be read"):
        Photos(tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"x")
    with pytest.raises(PlaygroundError, match="only 1 broken"):
        Photos(tmp_path)


def test_few_photographs_are_warned_of_with_numbers(folder: Path) -> None:
    warning = Photos(folder).warning(600)
    assert warning is not None
    assert "6 photographs" in warning
    assert "100 times" in warning
    many = Photos(folder)
    many.sources = many.sources * 400
    assert many.warning(600) is None


def test_crops_are_unit_rgb_squares_and_follow_from_seed_and_position(folder: Path) -> None:
    photos = Photos(folder)
    crops, again, other = Crops(photos, 32, 1, True), Crops(photos, 32, 1, True), Crops(photos, 32, 2, True)
    for position in (0, 5, 17):
        crop, broken = crops[position]
        assert (crop.shape, crop.dtype, broken) == ((3, 32, 32), torch.float32, "")
        assert 0 <= float(crop.min()) < float(crop.max()) <= 1
        assert torch.equal(crop, again[position][0])
    assert any(not torch.equal(crops[p][0], other[p][0]) for p in range(4))


def test_every_epoch_sees_every_photo_once_in_an_order_of_its_own(folder: Path) -> None:
    photos = Photos(folder)
    grain = np.random.default_rng(2).integers(0, 255, (64, 64), dtype=np.uint8)
    for number, path in enumerate(photos.sources):  # every photo in a red of its own
        red = np.full_like(grain, number * 40)
        assert isinstance(path, Path)
        Image.fromarray(np.stack([red, grain, grain], axis=-1)).save(path, "PNG")
    crops = Crops(photos, 16, 0, False)
    seen = [round(float(crops[position][0][0].mean()) * 255 / 40) for position in range(30)]
    epochs = [tuple(seen[start : start + 6]) for start in range(0, 30, 6)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4, 5] for epoch in epochs)
    assert len(set(epochs)) > 1


def test_a_crop_keeps_the_photos_proportions(tmp_path: Path) -> None:
    wide = np.zeros((60, 240, 3), np.uint8)
    wide[:, np.arange(240) // 4 % 2 == 0] = 255  # stripes every eight pixels
    Image.fromarray(wide).save(tmp_path / "wide.png")
    crop = Crops(Photos(tmp_path), 60, 0, False)[0][0][0].numpy()
    strength = np.abs(np.fft.rfft(crop.mean(0) - crop.mean()))
    assert strength.argmax() == pytest.approx(60 / (8 * 1.15), abs=1)  # enlarged by the margin alone, not squashed


def test_two_processes_together_see_what_one_with_the_doubled_batch_sees(folder: Path) -> None:
    crops = Crops(Photos(folder), 16, 0, True)
    one = list(crops.batches(2, 5, 4, 0, 1, 0))
    halves = [list(crops.batches(2, 5, 2, rank, 2, 0)) for rank in range(2)]
    for step in range(3):
        assert torch.equal(one[step][0], torch.cat([halves[0][step][0], halves[1][step][0]]))


def test_workers_change_nothing(folder: Path) -> None:
    crops = Crops(Photos(folder), 16, 0, True)
    alone, helped = (list(crops.batches(0, 3, 2, 0, 1, workers)) for workers in (0, 1))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(alone, helped, strict=True))


def test_a_photo_that_breaks_meanwhile_is_replaced_and_named(folder: Path) -> None:
    photos = Photos(folder)
    victim = photos.sources[0]
    assert isinstance(victim, Path)
    victim.write_bytes(b"gone")
    batches = list(Crops(photos, 16, 0, False).batches(0, 1, 6, 0, 1, 0))
    crops, broken = batches[0]
    assert crops.shape == (6, 3, 16, 16)
    assert broken == [str(victim)]
    for path in photos.sources:
        assert isinstance(path, Path)
        path.write_bytes(b"gone")
    with pytest.raises(PlaygroundError, match="none of the photographs"):
        Crops(photos, 16, 0, False)[0]


def test_a_flat_crop_gives_way_to_the_next_photo(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    Image.new("RGB", (80, 80), "white").save(tmp_path / "white.png")
    for name in "abc":
        Image.fromarray(chance.integers(0, 255, (80, 80, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    crops = Crops(Photos(tmp_path), 32, 0, True)
    assert all(float(crops[position][0].std()) > 0.05 for position in range(20))
    for name in "abc":
        (tmp_path / f"{name}.png").unlink()
    assert float(Crops(Photos(tmp_path), 32, 0, False)[0][0].std()) == 0  # there is no other


def test_the_bundled_photographs_are_there() -> None:
    photos = Photos(BUNDLED)
    assert len(photos) >= 5
    assert Crops(photos, 32, 0, True).samples(3).shape == (3, 3, 32, 32)
