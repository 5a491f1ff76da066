"""What is chosen while a run paints waits for the next Run: said in a line, taken over when the run ends, or forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Result
from playground.images.pictures import Pictures
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components import controls
from playground.web.components.messages import NOTHING
from playground.web.studio.running import START_PARTS
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
    session.job.result = Result(
        picture=session.job.style, recipe=BASE, ended="stopped", losses={}, layers={}, curve=[], steps=3, evaluations=3,
        seconds=1.0, first_preview_seconds=0.1,
    )  # fmt: skip


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
    assert "Gatys with Adam" in updates["message-balance"], "beside the knobs, whose values are no longer the run's"
    assert "Gatys with Adam" in updates["preset-note"], "where it was chosen"
    now = updates["staged-now"]
    assert now.index("controls now show Gatys with Adam") < now.index("painted with Playground")
    assert not updates["staged"].visible
    assert session.base.preset == "gatys-adam"
    assert staging.over(session) == NOTHING, "once"


def test_pictures_that_waited_are_in_their_boxes_and_the_result_was_of_others(
    staging: Staging, session: Session
) -> None:
    staging.picture("style", session)
    end(session)
    updates = staging.over(session)
    assert "the new painting" in updates["staged-now"]
    assert "painted from what was there before" in updates["staged-now"]
    assert "message-balance" not in updates


def test_what_no_longer_holds_is_no_longer_said(staging: Staging, session: Session) -> None:
    """When other settings come into the controls, or another run onto the easel."""
    stage(Names(), session, OTHER)
    end(session)
    staging.over(session)
    assert staging.panel.show(session, BASE)["staged-now"] == ""
    assert "staged-now" in START_PARTS


def test_without_a_picture_nothing_is_said_of_how_it_was_painted(staging: Staging, session: Session) -> None:
    assert session.job is not None
    stage(Names(), session, OTHER)
    end(session)
    session.job.result = None
    now = staging.over(session)["staged-now"]
    assert "Gatys with Adam" in now
    assert "painted" not in now


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
