"""What the tests of the command line share: light settings, and commands run here or in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from playground.cli.app import main
from playground.recipe.presets import PRESET_FOLDER

ROOT = Path(__file__).resolve().parents[2]
STYLE = PRESET_FOLDER / "styles" / "swirls.jpg"


def having(*settings: str) -> list[str]:
    """`--set` before each setting."""
    return [word for setting in settings for word in ("--set", setting)]


# The first two blocks of the network do for most tests here, at a fifth of the time.
LIGHT = having('content_layers={"conv2_1": 1}', 'style_layers={"conv1_1": 1, "conv2_1": 1}')
QUICK = ["--size", "64", "--iterations", "4", *LIGHT]
ONCE = ["--size", "64", "--iterations", "1", *LIGHT]
TINY = having("image_size=64", "batch_size=1", "width=4", "blocks=1", "style_size=64")  # for training


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def opened(path: Path | str) -> Image.Image:
    """The picture in a file, read in full so that the file is closed."""
    with Image.open(path) as picture:
        picture.load()
        return picture


def pixels(path: Path) -> bytes:
    return opened(path).convert("RGB").tobytes()


def process(*args: str, **keywords: Any) -> subprocess.Popen[str]:
    """`python -m playground` in a process of its own, on one thread so that tests share the machine."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **keywords.pop("env", {})}
    command = [sys.executable, "-m", "playground", *args]
    keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **keywords}
    return subprocess.Popen(command, text=True, env=environment, cwd=ROOT, **keywords)


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


def paint(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    """Run `stylize ... --json` and give its object, checked to be the only thing on stdout and free of NaN."""
    capsys.readouterr()
    assert main(["stylize", *args, "--device", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert "error" not in err
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def answer(capsys: pytest.CaptureFixture[str], *args: object) -> Any:
    """The JSON that a command prints, and nothing else, on stdout."""
    capsys.readouterr()
    assert main([str(arg) for arg in args] + ["--json"]) == 0
    return json.loads(capsys.readouterr().out)


def complaint(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    """The one line of a command that fails."""
    capsys.readouterr()
    assert main([str(arg) for arg in args]) == 2
    out, error = capsys.readouterr()
    lines = error.strip().splitlines()
    assert out == ""
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error: ") for line in lines) == 1
    return lines[-1]
