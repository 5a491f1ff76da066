"""Two networks that a server was given as files, and the page's settings on such a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.networks import catalogue, strength
from playground.networks.own_files import name_files
from playground.networks.read import Weights
from playground.service.jobs import Jobs
from playground.web.studio.settings_panel import SettingsPanel
from tests.helpers.networks import in_torch, save_as_keras, save_state_dict
from tests.helpers.page import Names, path_of


@pytest.fixture
def files(hed: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A caffe VGG16 and the same in torch's convention, as files of a server, by their names."""
    monkeypatch.setattr(strength, "SIDE", 96)
    save_as_keras(hed, tmp_path / "mine.h5")
    save_state_dict(in_torch(hed), tmp_path / "ported.safetensors")
    names = name_files([tmp_path / "mine.h5", tmp_path / "ported.safetensors"], catalogue.NETWORKS)
    return dict(zip(("caffe", "torch"), names, strict=True))


@pytest.fixture
def panel(files: dict[str, str]) -> SettingsPanel:
    return SettingsPanel(Jobs(device="cpu", networks=[str(path_of(name)) for name in files.values()]), Names())
