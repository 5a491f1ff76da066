"""Painting with a trained network: fast, seamless, at the picture's own size, at any strength, frame by frame."""

from __future__ import annotations

import math
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import GifImagePlugin, Image

from playground.errors import PlaygroundError
from playground.feedforward import apply as applying
from playground.feedforward.apply import Stylized, Stylizer, stylize_picture
from playground.feedforward.export import export_onnx
from playground.feedforward.model import Model, ModelCard
from playground.feedforward.video import is_film, stylize_film
from playground.images.colour import keep_colours
from playground.images.convert import to_picture, to_tensor
from playground.images.load import PictureError, load_picture
from playground.networks.normalisation import TorchConvention
from tests.feedforward.test_model import lively


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(lively(8, 2), ModelCard(title="test"))


@pytest.fixture(scope="module")
def stylizer(model: Model) -> Stylizer:
    return Stylizer(model)


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from skimage import data

    return load_picture(data.astronaut()[:300, 100:420])


@pytest.mark.parametrize("size", [(64, 48), (61, 50), (8, 8), (37, 90)])
def test_the_fast_path_gives_the_networks_own_picture(model: Model, stylizer: Stylizer, size: tuple[int, int]) -> None:
    x, convention = torch.rand(1, 3, *size), TorchConvention()
    expected = convention.of(model.network(convention.to(x))).clamp(0, 1)
    painted = stylizer(x)
    assert painted.shape == x.shape
    assert float((painted - expected).abs().max()) < 1e-4
    assert float(painted.std()) > 0.01  # the network does something


@pytest.mark.parametrize("size", [(90, 70), (9, 40)])
def test_what_the_network_does_at_edges_is_cut_off(
    stylizer: Stylizer, photo: Image.Image, size: tuple[int, int]
) -> None:
    """The middle of a picture that goes on, mirrored, beyond its edges."""
    small = photo.resize(size)
    margin = min(applying.MARGIN, min(size) - 1)
    mirrored = np.pad(np.asarray(small), [(margin, margin), (margin, margin), (0, 0)], mode="reflect")
    whole = to_picture(stylizer(to_tensor(Image.fromarray(mirrored))))
    stylized = stylize_picture(stylizer, small).at()
    assert stylized.size == size
    middle = whole.crop((margin, margin, margin + size[0], margin + size[1]))
    assert np.array_equal(np.asarray(stylized), np.asarray(middle))


def test_tiles_leave_no_seam(stylizer: Stylizer, photo: Image.Image) -> None:
    x = to_tensor(photo)
    assert min(x.shape[-2:]) > 2 * 96 + stylizer.overlap  # there are tiles with neighbours on every side
    tiles = stylizer(x, tile=96)
    # With the same statistics one pass over the whole picture must give the very same pixels, on seams and off.
    normalised = applying.pad_to_multiple(stylizer.convention.to(x)).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        whole = stylizer.convention.of(stylizer.run(normalised, stylizer.estimate(normalised, 96)))
    assert float((tiles - whole[..., :300, :320].clamp(0, 1)).abs().max()) < 1e-4


def test_tiles_are_near_the_picture_painted_in_one_piece(stylizer: Stylizer, photo: Image.Image) -> None:
    x = to_tensor(photo)
    whole, tiles = stylizer(x), stylizer(x, tile=160)
    assert float((whole - tiles).abs().mean()) < 0.03
    assert float((whole - tiles).abs().mean()) < 0.2 * float((whole - whole.mean((2, 3), keepdim=True)).abs().mean())


def test_the_overlap_covers_all_that_an_output_pixel_sees(stylizer: Stylizer) -> None:
    side = 2 * stylizer.overlap + 44
    x = torch.rand(1, 3, side, side)
    normalised = stylizer.convention.to(x).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        statistics = stylizer.estimate(normalised, side)
        before = stylizer.run(normalised, statistics)
        changed = normalised.clone()
        changed[..., side // 2, side // 2] += 5
        reach = (stylizer.run(changed, statistics) - before).abs().amax((0, 1)).nonzero()
    assert int((reach - side // 2).abs().max()) in range(stylizer.overlap // 2, stylizer.overlap)


def test_large_pictures_are_tiled_of_themselves(
    stylizer: Stylizer, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = to_tensor(photo)
    monkeypatch.setattr(applying, "WHOLE", 320 * 300 * 8 - 1)
    monkeypatch.setattr(applying, "TILE", 160)
    assert torch.equal(stylizer(x), stylizer(x, tile=160))


@pytest.mark.parametrize("size", [(97, 64), (8, 8), (65, 130)])
def test_a_result_has_the_size_of_its_photo(stylizer: Stylizer, photo: Image.Image, size: tuple[int, int]) -> None:
    stylized = stylize_picture(stylizer, photo.resize(size))
    assert stylized.at().size == size
    assert stylized.at(0.5, original_colours=True).size == size


@pytest.mark.parametrize("strokes", [0.5, 2.0])
def test_strokes_grow_with_what_is_painted_smaller(stylizer: Stylizer, photo: Image.Image, strokes: float) -> None:
    size = (round(photo.width / strokes), round(photo.height / strokes))
    worked = photo.resize(size, Image.Resampling.LANCZOS)
    expected = stylize_picture(stylizer, worked).result.resize(photo.size, Image.Resampling.LANCZOS)
    found = stylize_picture(stylizer, photo, strokes=strokes)
    assert found.content is photo
    assert np.array_equal(np.asarray(found.result), np.asarray(expected))
    assert not np.array_equal(np.asarray(expected), np.asarray(stylize_picture(stylizer, photo).result))


def test_strokes_have_bounds(stylizer: Stylizer, photo: Image.Image) -> None:
    assert applying.worked_size((60, 90), 3.0) == (48, 72)  # no side too short for the network
    assert applying.worked_size((30, 40), 2.0) == (30, 40)
    assert applying.worked_size((4000, 4000), 0.5) == (4899, 4899)  # 24 megapixels
    assert applying.worked_size((9000, 6000), 0.5) == (9000, 6000)
    for strokes in (0.4, 3.1, math.nan):
        with pytest.raises(PlaygroundError, match=r"0\.5 to 3 times"):
            stylize_picture(stylizer, photo, strokes=strokes)


def test_strength_runs_from_the_photo_to_the_style(stylizer: Stylizer, photo: Image.Image) -> None:
    stylized = stylize_picture(stylizer, photo.resize((60, 40)))
    photo_values, full, half = (np.asarray(stylized.at(s)).astype(float) for s in (0, 1, 0.5))
    assert np.array_equal(photo_values, np.asarray(stylized.content))
    assert np.array_equal(full, np.asarray(stylized.result))
    assert np.abs(half - (photo_values + full) / 2).max() <= 1


def test_original_colours_are_kept_and_worked_out_once(photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(applying, "keep_colours", lambda *args: calls.append(1) or keep_colours(*args))
    stylized = Stylized(photo, photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    first = stylized.at(1.0, original_colours=True)
    assert np.array_equal(np.asarray(first), np.asarray(keep_colours(stylized.result, photo)))
    stylized.at(0.3, original_colours=True)
    assert len(calls) == 1


# ---- films ----------------------------------------------------------------------------------------------------------


def test_a_gif_is_painted_frame_by_frame(stylizer: Stylizer, photo: Image.Image, tmp_path: Path) -> None:
    frames = [photo.crop((left, 0, left + 60, 40)) for left in (0, 20, 40)]
    source, output = tmp_path / "walk.gif", tmp_path / "painted.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=[50, 100, 150], loop=0)
    assert is_film(source)
    assert list(stylize_film(stylizer, source, output)) == pytest.approx([1 / 3, 2 / 3, 1])
    with Image.open(output) as film:
        assert isinstance(film, GifImagePlugin.GifImageFile)
        assert (film.n_frames, film.size, film.info["loop"]) == (3, (60, 40), 0)
        durations, pictures = [], []
        for number in range(3):
            film.seek(number)
            durations.append(film.info["duration"])
            pictures.append(np.asarray(film.convert("RGB")).astype(float))
    assert durations == [50, 100, 150]
    with Image.open(source) as film:
        film.seek(1)
        wanted = np.asarray(stylize_picture(stylizer, load_picture(film.convert("RGB"))).at()).astype(float)
    assert np.abs(pictures[1] - wanted).mean() < 8  # a GIF has 256 colours
    frames[0].save(tmp_path / "still.gif")
    assert not is_film(tmp_path / "still.gif")


def write_film(path: Path, frames: list[np.ndarray], sound: Path | None = None) -> None:
    height, width = frames[0].shape[:2]
    more = {"audio_path": str(sound), "audio_codec": "aac"} if sound else {}
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=10, macro_block_size=1, quality=9, **more)
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame).tobytes())
    writer.close()


@pytest.mark.parametrize("with_sound", [True, False])
def test_a_film_keeps_size_pace_and_sound(
    stylizer: Stylizer, photo: Image.Image, tmp_path: Path, with_sound: bool
) -> None:
    import wave

    frames = [np.asarray(photo.crop((left, 0, left + 64, 48))) for left in range(0, 40, 8)]
    sound = tmp_path / "tone.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(4000) / 5) * 9000).astype("<i2").tobytes())
    source, output = tmp_path / "film.mp4", tmp_path / "painted.mp4"
    write_film(source, frames, sound if with_sound else None)
    assert list(stylize_film(stylizer, source, output, strength=0.0))[-1] == pytest.approx(1)
    seen = imageio_ffmpeg.read_frames(str(output))
    about = next(seen)
    pictures = [np.frombuffer(data, np.uint8).reshape(48, 64, 3).astype(float) for data in seen]
    assert (about["size"], about["fps"], len(pictures)) == ((64, 48), 10, 5)
    assert bool(about.get("audio_codec")) == with_sound
    assert np.abs(pictures[2] - frames[2]).mean() < 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "painted.mp4", "tone.wav"]


def test_a_film_that_is_none_is_refused_and_leaves_nothing(stylizer: Stylizer, tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(b"no film")
    with pytest.raises(PictureError, match=r"film\.mp4"):
        list(stylize_film(stylizer, source, tmp_path / "out.mp4"))
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


# ---- export ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow  # the exporter alone takes ten seconds to import
def test_onnx_paints_the_same_at_any_size(model: Model, stylizer: Stylizer, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    export_onnx(model, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for size in ((1, 3, 64, 48), (2, 3, 36, 100)):
        x = torch.rand(size)
        (painted,) = session.run(None, {"photo": x.numpy()})
        expected = torch.cat([stylizer(one) for one in x.split(1)]).numpy()
        assert np.abs(painted - expected).max() < 1e-4
