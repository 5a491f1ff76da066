"""A class over HTTP, without a browser: the teacher's key, votes by cookie, the wall's pictures, a paused and a cleared room."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.networks import read
from playground.recipe.presets import load_preset
from playground.service.classroom import AWAY_SECONDS
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.settings import Settings, read_settings
from playground.web.app_server import app_options
from playground.web.classroom.teacher import ClassDesk
from playground.web.classroom.wall import together
from playground.web.pagefiles import PageFiles
from playground.web.people import Cookies, People
from playground.web.studio.running import steering
from tests.helpers.samples import sample
from tests.helpers.waiting import until

KEY = "open sesame"
COOKIES = Cookies(bytes(32))


class Person:
    """One browser: its cookie, and for the teacher the key."""

    def __init__(self, app: Starlette, key: str = "") -> None:
        cookie = COOKIES.new().partition(";")[0]
        self.name = f"cookie {cookie.partition('=')[2].split('.')[0]}"
        headers = {"cookie": cookie, **({"x-teacher-key": key} if key else {})}
        self.client = TestClient(app, base_url="http://127.0.0.1", headers=headers)

    def look(self, query: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/class{query}").json()["class"]
        return found

    def do(self, what: str, **more: object) -> dict[str, Any]:
        answer = self.client.post("/class", json={"do": what, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def desk(jobs: Jobs) -> ClassDesk:
    return ClassDesk(jobs)


@pytest.fixture
def app(jobs: Jobs, files: PageFiles, desk: ClassDesk) -> Starlette:
    settings = read_settings({"teacher_key": KEY}, environment={})
    return Starlette(**app_options(jobs, settings, files, People(COOKIES, 30.0), desk))


@pytest.fixture
def teacher(app: Starlette) -> Person:
    return Person(app, KEY)


@pytest.fixture
def pupil(app: Starlette) -> Person:
    return Person(app)


def own() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


@pytest.fixture
def paint(jobs: Jobs, hed: read.Weights) -> Callable[..., Job]:
    """Let a person paint until they are stopped."""

    def start(person: str, content: Image.Image | None = None, size: int = 64) -> Job:
        pictures = Pictures(content or sample("photos", "chelsea"), (sample("styles", "swirls"),))
        recipe = load_preset("default").changed({"size": size, "iterations": 100_000})
        job = jobs.start(pictures, recipe, f"secret of {person}", person=person)
        until(lambda: job.picture is not None)
        return job

    return start


def votes(jobs: Jobs, person: Person, option: int) -> None:
    assert jobs.classroom.vote(person.name, jobs.classroom.lesson, option)


# ---------------------------------------------------------------- who may do what


def test_without_the_key_nothing_can_be_pushed(pupil: Person, jobs: Jobs, files: PageFiles) -> None:
    wrong = {"x-teacher-key": "wrong key"}
    asked = {"lesson": "tiles", "phase": "run", "on": True, "id": 1}
    for what in ("open", "move", "close", "hang", "pause", "clear", "remove", "wall", "address"):
        assert pupil.client.post("/class", json={"do": what, **asked}).status_code == 403, what
    assert pupil.client.post("/class", json={"do": "open", **asked}, headers=wrong).status_code == 403
    assert pupil.look()["lesson"] == ""
    no_class = Person(Starlette(**app_options(jobs, Settings(), files, People(COOKIES, 30.0))), "")
    assert no_class.client.get("/class").json()["class"] is None
    assert no_class.client.post("/class", json={"do": "open"}, headers={"x-teacher-key": ""}).status_code == 403


def test_what_no_page_sends_is_refused_in_words(teacher: Person) -> None:
    for body in (b"", b"[]", b"{", b'{"do": 1}', b"[" * 9000, b'"' + b"x" * 30_000):
        assert teacher.client.post("/class", content=body).status_code == 400
    for asked in (
        {"do": "open", "lesson": "nothing"},
        {"do": "move", "phase": "lunch"},
        {"do": "remove"},
        {"do": "dance"},
    ):
        answer = teacher.client.post("/class", json=asked)
        assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert teacher.client.post("/class", json={"do": "wall", "have": [1]}).json() == {"tiles": []}


def test_the_address_comes_as_text_and_as_a_code(teacher: Person) -> None:
    found = teacher.do("address")
    assert found["address"] == "http://127.0.0.1/"
    assert found["qr"].startswith("<svg")


# ---------------------------------------------------------------- a lesson


def test_an_offer_a_vote_by_cookie_and_the_votes_once_they_are_shown(
    teacher: Person, pupil: Person, app: Starlette, jobs: Jobs
) -> None:
    before = pupil.look()["version"]
    told = teacher.do("open", lesson="3")["class"]
    assert (told["lesson"], told["number"]) == ("strokes", 3)
    now = pupil.look()
    assert (now["phase"], now["locked"], now["teacher"]) == ("vote", True, False)
    assert now["version"] > before
    other, same_browser = Person(app), pupil.client
    other.look()
    votes(jobs, pupil, 1)
    votes(jobs, other, 0)
    assert same_browser.get("/class").json()["class"]["vote"] == 1  # a reload has the same cookie
    assert teacher.look()["voted"] == 2
    assert "counts" not in json.dumps(teacher.look()).replace('"counts": []', "")
    teacher.do("move", phase="reveal")
    assert pupil.look()["counts"] == [[1, 1] + [0] * (len(now["options"]) - 2)]
    assert Person(app).look()["phase"] == "reveal"


def test_titles_come_in_the_language_of_the_page(teacher: Person, pupil: Person) -> None:
    teacher.do("open", lesson="tiles")
    german = pupil.client.get("/class", headers={"referer": "http://127.0.0.1/?lang=de"}).json()["class"]
    assert german["title"] != pupil.look()["title"]


# ---------------------------------------------------------------- the wall


def tiles(teacher: Person, **have: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = teacher.do("wall", have=have)["tiles"]
    return found


def test_the_wall_has_everybodys_current_picture_small_and_sends_it_once(
    teacher: Person, pupil: Person, paint: Callable[..., Job], jobs: Jobs
) -> None:
    job = paint(pupil.name)
    paint(teacher.name)
    teacher.do("hang", on=True)
    assert tiles(teacher) == []  # the pupil's page has not told them
    assert pupil.look()["standing"] == "hangs"
    job.control.pause()
    until(lambda: job.state == "paused")
    (tile,) = tiles(teacher)
    picture = Image.open(io.BytesIO(base64.b64decode(tile["picture"].partition(",")[2])))
    assert max(picture.size) <= 240
    assert len(tile["picture"]) < 40_000
    assert tiles(teacher, **{str(tile["id"]): tile["version"]})[0]["picture"] == ""
    version = job.picture_version
    job.control.resume()
    until(lambda: job.picture_version > version)
    (again,) = tiles(teacher, **{str(tile["id"]): tile["version"]})
    assert again["picture"]
    assert again["id"] == tile["id"]
    assert job.id not in json.dumps(again)
    assert pupil.look("?wall=off")["standing"] == "off"
    assert tiles(teacher) == []


def test_what_is_painted_from_uploads_hangs_only_when_it_is_shown(
    teacher: Person, pupil: Person, app: Starlette, paint: Callable[..., Job]
) -> None:
    teacher.do("hang", on=True)
    paint(pupil.name, own())
    assert (pupil.look()["standing"], pupil.look()["own"]) == ("private", True)
    assert tiles(teacher) == []
    Person(app).do("share")  # somebody else's page shares nothing of theirs
    assert tiles(teacher) == []
    assert pupil.do("share")["class"]["standing"] == "hangs"
    (tile,) = tiles(teacher)
    teacher.do("remove", id=tile["id"])
    assert tiles(teacher) == []
    assert pupil.do("share")["class"]["standing"] == "removed"


def test_a_sheet_is_one_picture_of_its_cells() -> None:
    red, blue = Image.new("RGB", (300, 200), "red"), Image.new("RGB", (300, 200), "blue")
    drawn = together([red, blue, red])
    assert max(drawn.size) <= 500
    assert drawn.getpixel((10, 10)) == (255, 0, 0)
    assert drawn.getpixel((drawn.width - 10, 10)) == (0, 0, 255)
    assert drawn.getpixel((drawn.width - 10, drawn.height - 10)) == (255, 255, 255)
    assert max(together([red] * 12).size) <= 500


# ---------------------------------------------------------------- the room


def test_a_paused_room_waits_but_for_the_teacher_and_goes_on(
    teacher: Person, pupil: Person, paint: Callable[..., Job], jobs: Jobs
) -> None:
    teacher.look()
    theirs, mine, still = paint(pupil.name), paint(teacher.name), paint(pupil.name)
    still.control.pause()
    assert teacher.do("pause", on=True)["class"]["paused"]
    until(lambda: theirs.state == "paused")
    assert mine.state == "running"
    assert pupil.look()["paused"]
    with pytest.raises(PlaygroundError, match="paused the room"):
        paint(pupil.name)
    parts = {"pause": gr.Button(render=False), "status": gr.HTML(render=False)}
    assert parts["pause"] not in steering.pause_or_resume(theirs, parts, held=jobs.classroom.holds(pupil.name))
    assert theirs.control.read().paused
    teacher.do("pause", on=False)
    until(lambda: theirs.state == "running")
    assert still.control.read().paused  # who had paused it themselves


def test_ten_minutes_without_the_teacher_and_the_room_goes_on(
    teacher: Person, pupil: Person, paint: Callable[..., Job], jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = paint(pupil.name)
    teacher.do("open", lesson="5")
    teacher.do("pause", on=True)
    assert pupil.look()["locked"]
    later = jobs.classroom.clock() + AWAY_SECONDS + 1
    monkeypatch.setattr(jobs.classroom, "clock", lambda: later)
    now = pupil.look()
    assert (now["locked"], now["paused"], now["phase"]) == (False, False, "run")
    assert not job.control.read().paused


def test_a_cleared_room_has_no_runs_but_the_teachers(teacher: Person, pupil: Person, paint: Callable[..., Job]) -> None:
    teacher.do("hang", on=True)
    pupil.look()
    theirs, mine = paint(pupil.name), paint(teacher.name)
    assert len(tiles(teacher)) == 1
    teacher.do("clear")
    until(lambda: theirs.ended)
    assert "the teacher has cleared the room" in theirs.notes
    assert not mine.ended
    teacher.do("hang", on=True)
    pupil.look()
    assert tiles(teacher) == []  # what hung before is not anybody's current picture any more
