"""What recipes are estimated in, and a home in which nothing was learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.measure import pace
from playground.networks import arithmetic_choice


@pytest.fixture
def winograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """What recipes that state nothing are painted in, and what the figures here were measured with."""
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "winograd")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PLAYGROUND_HOME and nothing learnt so far."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(pace, "known", {})
    return tmp_path / "home"
