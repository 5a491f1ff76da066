"""Whose colours it is shown in is a property of a run: the page that comes back shows it, after a reload and after a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.networks import read
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.recipe.styles import Colours
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from playground.web.components import controls, layers
from playground.web.studio import results
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.restore import Restore
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.running import Running
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.tab import build_studio
from playground.web.words import say
from tests.helpers.waiting import until

PERSON = "a-secret-of-one-browser-1234"
LIMITS = Limits(save_every=0.2)


class Studio:
    """The handlers of one server's Studio, without a browser."""

    def __init__(self, jobs: Jobs) -> None:
        with gr.Blocks(analytics_enabled=False):
            self.parts = build_studio(jobs, gr.Textbox(), lambda key: False)
        self.panel = SettingsPanel(jobs, self.parts)
        self.running = Running(self.parts, self.panel, OpenPages(jobs))
        self.results = ResultActions(self.parts, self.panel)
        self.restore = Restore(self.parts, self.panel, self.running, self.results, lambda key: False)
        self.pages = 0

    def request(self) -> Any:
        self.pages += 1
        return SimpleNamespace(session_hash=f"page {self.pages}", query_params={})

    def start(self, folder: Path) -> Session:
        """A page on which somebody has pressed Run."""
        random, paths = np.random.default_rng(0), []
        for name in ("content", "style"):
            paths.append(str(folder / f"{name}.png"))
            Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(paths[-1])
        recipe = load_preset().changed({"size": 64, "iterations": 100_000})
        session = Session(recipe, visitor=PERSON)
        values: list[Any] = [*(controls.shown(name, recipe) for name in controls.FIELDS), layers.grid_value(recipe)]
        content, style = paths
        asyncio.run(self.running.start(session, self.request(), False, content, style, *values))
        assert session.job is not None
        until(lambda: session.job is not None and session.job.frame is not None and session.job.frame.step > 5, 60)
        return session

    def reload(self, run: str) -> tuple[Session, Any]:
        """Another page of the same browser, and what its choice shows."""
        session = Session(load_preset())
        text = json.dumps({"person": PERSON, "run": run})
        updates = self.restore.opened(session, text, self.request())
        return session, updates[self.parts["set-colours"]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def jobs(hed: read.Weights, store: Path) -> Iterator[Jobs]:
    made = Jobs("cpu", LIMITS, store=Store(store, 500))
    yield made
    made.close()


@pytest.mark.parametrize("wanted", ["content", "style", "palette"])
def test_a_page_that_comes_back_shows_the_picture_as_it_was(jobs: Jobs, tmp_path: Path, wanted: Colours) -> None:
    studio = Studio(jobs)
    session = studio.start(tmp_path)
    assert session.job is not None
    studio.results.colours(session, "style" if wanted == "content" else "content")
    studio.results.colours(session, wanted)
    again, checked = studio.reload(session.job.id)
    assert again.job is session.job
    assert (checked, again.colours, again.base.colours) == (wanted, wanted, wanted)
    assert again.job.picture is not None
    preview = 255 - again.job.picture  # whose colours are not the photo's
    shown = again.coloured(preview)
    assert shown is not None
    assert np.array_equal(shown, preview) is (wanted == "style")


def test_a_result_is_saved_as_it_is_shown_and_found_so_again(jobs: Jobs, tmp_path: Path) -> None:
    studio = Studio(jobs)
    session = studio.start(tmp_path)
    job = session.job
    assert job is not None
    job.control.stop()
    until(lambda: job.ended, 60)
    assert session.content is not None
    done = results.finish(job, session.content, job.colours)
    results.remember(session, done)
    plain = np.asarray(done.shown)
    studio.results.colours(session, "content")
    assert not np.array_equal(np.asarray(done.shown), plain)
    saved = results.files(done, studio.parts["save-png"])
    assert parse_recipe(Path(saved["json"]).read_bytes()).colours == "content"
    other = studio.start(tmp_path)  # the next run of the same person begins without
    assert other.job is not None
    again, checked = studio.reload(other.job.id)
    assert checked == "style"
    assert [(found.job.id, found.recipe.colours) for found in again.finished] == [(job.id, "content")]
    assert np.array_equal(np.asarray(again.finished[0].shown), np.asarray(done.shown))


def test_it_survives_a_restart_of_the_server(jobs: Jobs, store: Path, tmp_path: Path) -> None:
    studio = Studio(jobs)
    session = studio.start(tmp_path)
    job = session.job
    assert job is not None
    studio.results.colours(session, "content")
    until(lambda: job.checkpoints is not None and job.checkpoints.evaluations, 60)
    jobs.close(save=True)
    after = Jobs("cpu", LIMITS, store=Store(store, 500))
    try:
        (recovered,) = after.recover()
        again, checked = Studio(after).reload(job.id)
        assert again.job is recovered
        assert recovered.colours == "content"
        assert (checked, again.colours) == ("content", "content")
    finally:
        after.close()


def test_matched_colours_wait_for_the_next_run_and_say_so(jobs: Jobs, tmp_path: Path) -> None:
    studio = Studio(jobs)
    session = studio.start(tmp_path)
    place = studio.parts["message-picture"]
    said: Any = studio.results.colours(session, "matched")
    assert say("paintings.next_run") in said[place]
    assert session.colours == "style"
    said = studio.results.colours(session, "content")
    assert said[place] == ""
    assert session.colours == "content"
