"""/health and /admin: what programs and whoever looks after the server may know and do."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.images.pictures import Pictures
from playground.networks import read
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.settings import Settings, read_settings
from playground.web import security
from playground.web.app_server import app_options
from playground.web.pagefiles import PageFiles
from playground.web.people import Cookies, People
from tests.helpers.waiting import until

PASSWORD = "correct horse"


@pytest.fixture
def client(jobs: Jobs, files: PageFiles) -> TestClient:
    settings = read_settings({"admin_password": PASSWORD}, environment={})
    options = app_options(jobs, settings, files, People(Cookies(bytes(32)), 30.0))
    return TestClient(Starlette(**options), base_url="http://127.0.0.1")


@pytest.fixture
def painting(jobs: Jobs, hed: read.Weights) -> Callable[[], Job]:
    """Start a run that goes on until it is stopped."""

    def start() -> Job:
        random = np.random.default_rng(0)
        content, style = (Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in range(2))
        recipe = load_preset("default").changed({"size": 64, "iterations": 100_000})
        job = jobs.start(Pictures(content, (style,)), recipe, f"visitor {time.monotonic_ns()}")
        until(lambda: job.frame is not None)
        return job

    return start


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_health_counts_and_names_nobody(client: TestClient, painting: Callable[[], Job]) -> None:
    before = client.get("/health").json()
    assert (before["status"], before["device"], before["runs"]) == ("ok", "cpu", 0)
    job = painting()
    answer = client.get("/health")
    assert answer.json()["runs"] == 1
    assert answer.headers["cache-control"] == "no-store"
    assert job.id not in answer.text
    assert job.visitor not in answer.text


def test_without_a_password_there_is_no_admin_view(jobs: Jobs, files: PageFiles) -> None:
    client = TestClient(
        Starlette(**app_options(jobs, Settings(), files, People(Cookies(bytes(32)), 30.0))), base_url="http://127.0.0.1"
    )
    assert client.get("/admin", headers=basic("")).status_code == 404
    assert client.post("/admin/stop", headers=basic("")).status_code == 404
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, basic("wrong"), basic(""), basic(PASSWORD[:-1]), {"authorization": f"Bearer {PASSWORD}"},
     {"authorization": "Basic ****"}, {"authorization": "Basic"}, {"authorization": "Basic " + "/w=="}],
)  # fmt: skip
def test_the_admin_view_asks_for_its_password(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.0)
    for answer in (client.get("/admin", headers=headers), client.post("/admin/stop", headers=headers)):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_guessing_the_password_takes_long(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.3)
    begun = time.monotonic()
    client.get("/admin", headers=basic("wrong"))
    assert time.monotonic() - begun >= 0.3


def test_the_admin_view_shows_runs_and_stops_one(client: TestClient, painting: Callable[[], Job]) -> None:
    stays, goes = painting(), painting()
    view = client.get("/admin", headers=basic(PASSWORD))
    assert view.headers["cache-control"] == "no-store"
    assert all(
        job.name in view.text and job.id not in view.text and job.visitor not in view.text for job in (stays, goes)
    )
    (proof,) = set(re.findall(r'name="proof" value="([^"]+)"', view.text))
    without = client.post("/admin/stop", headers=basic(PASSWORD), data={"run": goes.name})
    assert without.status_code == 403
    elsewhere = {**basic(PASSWORD), "origin": "https://evil.example"}
    assert client.post("/admin/stop", headers=elsewhere, data={"run": goes.name, "proof": proof}).status_code == 403
    assert not goes.ended
    answer = client.post("/admin/stop", headers=basic(PASSWORD), data={"run": goes.name, "proof": proof})
    assert (answer.status_code, answer.url.path) == (200, "/admin")
    assert goes.name not in answer.text
    assert stays.name in answer.text
    assert goes.ended
    assert not stays.ended
    assert (
        client.post("/admin/stop", headers=basic(PASSWORD), data={"run": "run 999", "proof": proof}).status_code == 200
    )
