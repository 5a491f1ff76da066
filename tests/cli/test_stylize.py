"""What `stylize` paints and says, where the result stands, its progress, and how signals end it."""

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
import time
from pathlib import Path

import pytest
from PIL import Image

from playground.cli.app import main
from playground.engine.control import MemoryControl
from playground.images.load import load_picture, read_recipe_text
from playground.networks import catalogue, read
from playground.networks import vgg as features
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.system.progress import Report
from tests.helpers.cli import LIGHT, ONCE, QUICK, having, names, opened, paint, pixels, process, refusal
from tests.helpers.waiting import until

JSON_KEYS = {
    "output", "width", "height", "preset", "device", "network", "numbers", "iterations", "evaluations", "seconds",
    "startup_seconds", "first_preview_seconds", "ended", "losses", "layers", "curve", "seed", "peak_memory_mb", "recipe",
    "rounds",
}  # fmt: skip


INTERRUPTED = "error: interrupted before there was anything to save\n"


@pytest.mark.usefixtures("hed")
def test_the_json_object(pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = folder / "out.png"
    options = ["--size", "96", "--iterations", "6", "--seed", "11"]
    options += having("scales=2", "smallest=48", "variation_weight=0.5", "style_layers.conv2_2=0.5")
    about = paint(capsys, *pair, "-o", str(output), *options)
    assert about.keys() == JSON_KEYS
    assert about["output"] == str(output)
    assert (about["width"], about["height"]) == (96, 72) == opened(output).size
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
    recipe = Recipe.of(about["recipe"])
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
    recipe = Recipe.of({"preset": "../../escaped", "size": 64, "iterations": 1})
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
    assert opened(output).format == "JPEG"
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
    there = catalogue.find("vgg16-hed")
    assert there is not None
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder / "home"))
    monkeypatch.setattr("playground.system.progress.LINE_EVERY", 0.0)
    features.load_network.cache_clear()

    def fetch(name: str, report: Report) -> Path:  # the download itself is tested with the weights
        time.sleep(1.1)  # lines begin after a second
        report(f"Downloading {name}", 0.5)
        catalogue.home().mkdir()
        return Path(shutil.copy(there, catalogue.home()))

    monkeypatch.setattr("playground.networks.fetch.fetch", fetch)
    assert main(["stylize", *pair, *ONCE]) == 0
    assert "Downloading vgg16-hed\n" in capsys.readouterr().err
    assert (folder / "photo-default.png").is_file()
    assert (folder / "home").is_dir()


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


@pytest.mark.usefixtures("hed")
def test_plain_lines_of_progress_where_there_is_no_terminal(
    pair: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.system.progress.LINE_EVERY", 0.2)
    monkeypatch.setattr("time.monotonic", iter(range(1000)).__next__)
    assert main(["stylize", *pair, *QUICK, "--device", "cpu", "--set", "scales=1"]) == 0
    lines = capsys.readouterr().err.splitlines()
    losses = r"loss [\d.e-]+ \(content [\d.e-]+, style [\d.e-]+, variation [\d.e-]+\)"
    form = rf"step \d of 4, {losses}, [\d.e+]+ it/s, \d+ s left, CPU .*"
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
    out, _ = run.communicate(timeout=60)
    about = json.loads(out)
    assert run.returncode == 0
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
    maps = Path(f"/proc/{run.pid}/maps")
    until(lambda: "torch" in maps.read_text())  # in the middle of the longest import
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err) == (130, "", INTERRUPTED)
    assert names(folder) == {"photo.png", "painting.png"}


def test_a_stop_before_the_first_evaluation_counts_as_before_the_run(
    pair: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, hed: read.Weights
) -> None:
    class Stopped(MemoryControl):
        def __init__(self) -> None:
            super().__init__()
            self.stop()

    monkeypatch.setattr("playground.cli.stylize.MemoryControl", Stopped)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        main(["stylize", *pair, *QUICK])
    assert names(folder) == {"photo.png", "painting.png"}
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


@pytest.mark.usefixtures("hed")
def test_the_photo_s_own_size_with_its_colours_fitted(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = folder / "large.png"
    Image.open(pair[0]).resize((403, 302)).save(large)
    options = ["--preset", "hrnet-photorealistic", "--size", "original", "--iterations", "1", *having("work_size=64")]
    about = paint(capsys, str(large), pair[1], "-o", str(folder / "out.png"), *options, *LIGHT)
    assert (about["width"], about["height"]) == (403, 302) == opened(folder / "out.png").size
    assert (about["recipe"]["size"], about["recipe"]["work_size"]) == (403, 64)
    assert about["recipe"]["plan"][0]["size"] == 64
    assert "neither a number of pixels nor `original`" in refusal(capsys, "stylize", *pair, "--size", "huge")
