"""The line under Run: what a run will cost, what would make it cheaper, and nothing while one goes on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from playground.measure.estimate import estimate
from playground.recipe.presets import load_preset
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components.format import duration
from playground.web.studio import cost as cost_module
from playground.web.studio.cost import cost
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from tests.helpers.page import Names, values

pytestmark = pytest.mark.usefixtures("hed")
BASE = load_preset()


def said(jobs: Jobs, path: Path | None = None, session: Session | None = None, **changed: Any) -> tuple[str, Any]:
    """The line, and what stands on Run where that is a button."""
    panel, given = SettingsPanel(jobs, Names()), str(path) if path else None
    line, run = cost(jobs, panel, session or Session(BASE), given, given, *values(BASE, **changed))
    return line, run.value if isinstance(run, gr.Button) else None


def test_a_short_run_has_seconds_and_memory(jobs: Jobs) -> None:
    line, run = said(jobs, size=64, iterations=2)
    assert "GB of memory on this machine" in line
    assert 'class="hint"' in line
    assert run == "Run"


def test_a_long_one_says_so_on_run_and_what_would_shorten_it_most(jobs: Jobs) -> None:
    long = BASE.changed({"size": 1024, "iterations": 100_000})
    half, fewer = (
        estimate(long.changed(changes), (640, 480), (640, 480), device="cpu").seconds
        for changes in ({"size": 512}, {"iterations": 25_000})
    )
    assert half != fewer
    setting = "Size 512" if half < fewer else "25000 iterations"
    line, run = said(jobs, size=1024, iterations=100_000)
    assert f"{setting} would take {duration(min(half, fewer))}" in line
    assert run.startswith("Run (")
    smallest = said(jobs, size=64, iterations=100_000)[0]
    assert "25000 iterations would take" in smallest, "there is no smaller size for this network"


def test_a_server_that_will_end_a_run_earlier_says_when(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(jobs), "limits", Limits(max_seconds=600))
    line, run = said(jobs, size=1024, iterations=100_000)
    assert "A run ends here after 10 min" in line
    assert run == "Run (10 min 00 s)"


def test_what_does_not_fit_says_which_size_would(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_module, "free_megabytes", lambda device: 1500.0)
    line, run = said(jobs, size=4096)
    assert "message error" in line
    assert "1.5 GB" in line
    assert "px" in line.partition(": ")[2]
    assert run == "Run"


def test_a_picture_s_shape_counts_and_what_is_no_picture_counts_as_usual(jobs: Jobs, tmp_path: Path) -> None:
    Image.new("RGB", (400, 80)).save(tmp_path / "wide.png")
    (tmp_path / "none.png").write_text("no picture")
    usual, wide, none = (said(jobs, path, size=512)[0] for path in (None, tmp_path / "wide.png", tmp_path / "none.png"))
    assert none == usual != wide


def test_while_a_run_goes_on_and_where_a_value_cannot_be_used_nothing_is_said(jobs: Jobs) -> None:
    assert said(jobs, size=3) == ("", "Run")
    session = Session(BASE)
    session.job = SimpleNamespace(ended=False)  # type: ignore[assignment]
    assert said(jobs, session=session) == ("", None)
