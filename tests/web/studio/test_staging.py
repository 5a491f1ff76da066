"""What is chosen while a run paints waits for the next Run: said in a line, taken over when the run ends, or forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.images.pictures import Pictures
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components import controls
from playground.web.components.messages import NOTHING
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import FILLED, SettingsPanel
from playground.web.studio.staged import stage
from playground.web.studio.staging import Staging
from tests.helpers.page import Names, values

pytestmark = pytest.mark.usefixtures("hed")
BASE, OTHER = load_preset(), load_preset("gatys-adam", "vgg16-hed")


class Running:
    """Notes what a run would be started with."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, ...]] = []

    async def start(self, session: Session, request: Any, shares: bool, content: Any, style: Any, *values: Any) -> Any:
        assert session.running() is None
        self.started.append(values)
        return {"run": "started"}


@pytest.fixture
def running() -> Running:
    return Running()


@pytest.fixture
def staging(jobs: Jobs, running: Running) -> Staging:
    return Staging(Names(), SettingsPanel(jobs, Names()), running)  # type: ignore[arg-type]


@pytest.fixture
def session() -> Session:
    """A page on which a run goes on."""
    picture, session = Image.new("RGB", (64, 64), "teal"), Session(BASE)
    session.job = Job(Pictures(picture, (picture,)), BASE, "me", MemoryControl(), 5.0)
    return session


def end(session: Session) -> None:
    assert session.job is not None
    session.job.state, session.job.ended_at = "stopped", time.monotonic()


def test_the_line_names_all_that_waits_and_the_list_shows_the_run_s_preset(staging: Staging, session: Session) -> None:
    updates = stage(Names(), session, OTHER)
    assert updates["preset"] == "default"
    assert updates["staged"].visible
    assert "Gatys" in updates["staged-note"]
    staging.picture("style", session)
    said = staging.picture("content", session)["staged-note"]
    assert all(words in said for words in ("Gatys", "the new photo", "the new painting"))


def test_without_a_run_a_picture_waits_for_nothing(staging: Staging, session: Session) -> None:
    end(session)
    assert staging.picture("style", session) == NOTHING
    assert not session.staged_pictures


def test_when_the_run_has_ended_the_controls_take_over_what_waited(staging: Staging, session: Session) -> None:
    stage(Names(), session, OTHER)
    assert staging.over(session) == NOTHING, "it goes on"
    end(session)
    updates = staging.over(session)
    assert updates["set-style_weight"] == controls.shown("style_weight", OTHER)
    assert "Chosen during the last run" in updates["preset-note"]
    assert not updates["staged"].visible
    assert session.base.preset == "gatys-adam"
    assert staging.over(session) == NOTHING, "once"


def test_what_is_forgotten_is_not_taken_over(staging: Staging, session: Session) -> None:
    stage(Names(), session, OTHER)
    staging.picture("style", session)
    assert not staging.forget(session)["staged"].visible
    end(session)
    assert staging.over(session) == NOTHING
    assert session.base == BASE


@pytest.mark.parametrize("staged", [False, True])
def test_run_stops_the_run_and_starts_with_what_was_staged(
    staging: Staging, session: Session, running: Running, staged: bool
) -> None:
    if staged:
        stage(Names(), session, OTHER)
    job = session.job
    assert job is not None

    async def press() -> Any:
        pressed = asyncio.create_task(staging.run(session, None, False, None, None, *values(BASE)))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        assert job.control.read().stopped
        assert not running.started, "the run makes its last step first"
        end(session)
        return await pressed

    assert asyncio.run(press())["run"] == "started"
    ((*plain, grid),) = running.started
    assert grid.pop(FILLED, session.filled) == session.filled
    assert (*plain, grid) == values(OTHER if staged else BASE)
    assert session.staged is None
