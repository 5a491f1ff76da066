"""A served classroom: who is let in, what a pupil sees, what its log says."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from playground.networks import weights
from playground.service.address import local_address
from tests.helpers.serving import free_port, serving
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, playwright

LOGIN, ADMIN = "class:open sesame", "correct horse"


@pytest.fixture(scope="module")
def classroom(hed: weights.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A class's server with everything turned on, and what it said when it opened."""
    folder = tmp_path_factory.mktemp("classroom")
    (folder / "settings.json").write_text(json.dumps({"login": LOGIN, "upload_mb": 1, "max_size": 128}), "utf-8")
    log, arguments = folder / "log", ["--classroom", "--port", str(free_port()), "--log-json"]
    with (
        log.open("w", encoding="utf-8") as stderr,
        serving(
            *arguments,
            stderr=stderr,
            PLAYGROUND_SETTINGS=str(folder / "settings.json"),
            PLAYGROUND_ADMIN_PASSWORD=ADMIN,
            PLAYGROUND_RUNS_FOLDER=str(folder / "runs"),
        ) as (process, address),
    ):
        assert process.stdout is not None
        said = [address]
        while "webcam" not in said[-1]:
            said.append(process.stdout.readline())
        yield {"process": process, "address": address, "said": "".join(said), "log": log}


@contextlib.contextmanager
def logged_in(address: str) -> Iterator[httpx.Client]:
    user, _, password = LOGIN.partition(":")
    with httpx.Client(base_url=address) as client:
        assert client.post("/login", data={"username": user, "password": password}).status_code == 200
        yield client


@pytest.fixture
def class_address(classroom: dict[str, Any]) -> str:
    """The address that it gave to the class."""
    (address,) = re.findall(r"For the class: (http://\S+/)\n", classroom["said"])
    return address


def test_a_classroom_says_where_it_is_for_whom_and_what_it_lacks(classroom: dict[str, Any], class_address: str) -> None:
    assert class_address == classroom["address"].replace("localhost", local_address() or socket.gethostname())
    assert classroom["said"].count("█") > 100  # the QR code, which tests/test_server.py reads back
    (key,) = re.findall(rf"teacher.*{re.escape(class_address)}\?key=(\S+)", classroom["said"])
    assert len(key) >= 12
    assert "no webcam" in classroom["said"]
    assert "PLAYGROUND_LOGIN" not in classroom["said"]  # there is one
    assert httpx.get(f"{class_address}health").json()["status"] == "ok"


def test_who_is_not_logged_in_gets_nothing_but_the_form(classroom: dict[str, Any]) -> None:
    address = classroom["address"]
    with httpx.Client(base_url=address) as stranger:
        for path in (
            "config",
            "gradio_api/info",
            "gradio_api/queue/data?session_hash=a",
            "gradio_api/file=/etc/passwd",
        ):
            assert stranger.get(path).status_code == 401, path
        for path in ("gradio_api/queue/join", "gradio_api/run/predict", "gradio_api/call/stylize"):
            assert stranger.post(path, json={"data": [], "fn_index": 0, "session_hash": "a"}).status_code == 401, path
        assert stranger.post("gradio_api/upload", files={"files": b"x"}).status_code == 401
        assert stranger.post("login", data={"username": "class", "password": "guess"}).status_code == 400
    with logged_in(address) as friend:
        assert friend.get("config").status_code == 200
        assert friend.get("logout").status_code == 404  # it would end the login of all who share it
        assert friend.get("config").status_code == 200


def test_an_upload_beyond_the_limit_is_refused(classroom: dict[str, Any]) -> None:
    with logged_in(classroom["address"]) as friend:
        assert friend.post("gradio_api/upload", files={"files": bytes(900_000)}).status_code == 200
        assert friend.post("gradio_api/upload", files={"files": bytes(1_200_000)}).status_code == 413
        field = friend.post("gradio_api/upload", data={"files": "x" * 200_000}, files={"files": b"small"})
        assert (field.status_code, field.text) == (400, "A field may hold 64 kB.")


def test_another_website_cannot_use_a_login(classroom: dict[str, Any], class_address: str) -> None:
    """Gradio alone would answer any origin here, with its cookies."""
    with logged_in(class_address) as friend:
        assert friend.get("config", headers={"origin": "https://evil.example"}).status_code == 403
        assert friend.get("config", headers={"origin": class_address.rstrip("/")}).status_code == 200


def test_the_admin_view_of_a_served_page(classroom: dict[str, Any]) -> None:
    address = classroom["address"]
    assert httpx.get(f"{address}admin").status_code == 401
    view = httpx.get(f"{address}admin", auth=("teacher", ADMIN))
    assert view.status_code == 200
    assert "frame-ancestors 'self'" in view.headers["content-security-policy"]


@NEEDS_CHROMIUM
def test_a_pupil_logs_in_paints_and_sees_no_button_that_cannot_work(class_address: str, browser: Any) -> None:
    if "//127." in class_address:
        pytest.skip("this machine has no network")
    visitor = Visitor(browser, class_address)
    visitor.page.goto(class_address)
    user, _, password = LOGIN.partition(":")
    visitor.page.get_by_label("username").fill(user)
    visitor.page.get_by_label("password").fill(password)
    visitor.page.get_by_role("button", name="Login").click()
    playwright.expect(visitor.page.locator("#run")).to_be_enabled()
    visitor.complaints.clear()  # the browser notes the 401 that led to the form
    visitor.open(size=64, iterations=5)
    content = visitor.page.locator("#content")
    playwright.expect(content.get_by_label("Upload file")).to_be_visible()
    for label in ("Capture from camera", "Paste from clipboard"):
        playwright.expect(content.get_by_label(label)).to_be_hidden()
    visitor.run()
    visitor.finish()
    visitor.left_clean()
    visitor.context.close()


def test_every_line_of_the_log_is_an_object_without_secrets(classroom: dict[str, Any]) -> None:
    """Last of the tests that share the class."""
    text = classroom["log"].read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    (opened,) = [line for line in lines if line["message"] == "open"]
    assert (opened["profile"], opened["level"]) == ("classroom", "info")
    (key,) = re.findall(r"\?key=(\S+)", classroom["said"])
    assert not any(secret in text for secret in (key, ADMIN, "open sesame"))
