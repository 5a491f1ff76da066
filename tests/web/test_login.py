"""A server with a login: what answers without it, and whether hanging up makes guessing faster."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web import security

SETTINGS = {"login": "class:open sesame", "admin_password": "correct horse"}
OPEN = {
    "", "/", "/openapi.json", "/pwa_icon", "/startup-events", "/gradio_api/startup-events", "/{page}", "/{page}/", "/login",
    "/login/", "/login_check", "/login_check/", "/health", "/theme.css", "/robots.txt", "/manifest.json",
    "/favicon.ico", "/static/{path:path}", "/assets/{path:path}", "/svelte/{path:path}", "/_app/{path:path}", "/token", "/token/",
    "/app_id", "/app_id/", "/user", "/user/",  # a random number, and null for whoever has no login
    "/custom_component/{id}/{environment}/{type}/{file_name}",
}  # fmt: skip
"""What is the same for everybody, or is the login itself."""


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", Limits())
    yield jobs
    jobs.close()


def test_without_the_login_nothing_is_taken_and_nothing_is_told(address: str) -> None:
    with httpx.Client(base_url=address, timeout=30, follow_redirects=False) as nobody:
        sent = {"files": ("a.png", b"x" * 1000, "image/png")}
        assert nobody.post("/gradio_api/upload", files=sent).status_code == 401, "uploads above all"
        for method, path, body in (
            ("GET", "/config", None),
            ("GET", "/gradio_api/info", None),
            ("GET", "/gradio_api/queue/status", None),
            ("GET", "/gradio_api/queue/data?session_hash=a", None),
            ("GET", "/gradio_api/heartbeat/a", None),
            ("GET", "/gradio_api/upload_progress?upload_id=a", None),
            ("GET", "/gradio_api/file=/etc/passwd", None),
            ("GET", "/gradio_api/call/stylize/a", None),
            ("POST", "/gradio_api/queue/join", {"data": [], "fn_index": 0, "session_hash": "a"}),
            ("POST", "/gradio_api/run/predict", {"data": [], "fn_index": 0, "session_hash": "a"}),
            ("POST", "/gradio_api/call/stylize", {"data": []}),
            ("POST", "/gradio_api/cancel", {"session_hash": "a", "fn_index": 0, "event_id": "b"}),
            ("POST", "/gradio_api/reset", {"event_id": "b"}),
            ("GET", "/admin", None),
        ):
            with nobody.stream(method, path, json=body) as answer:
                assert answer.status_code in (401, 403, 404), (path, answer.status_code)
        page = nobody.get("/").text
        assert "auth_required" in page
        assert '"components":[],"dependencies":[]' in page, "it has the login alone"


def routes_within(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route, also those that an included router keeps to itself."""
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from [route] if router is None else routes_within(router.routes)


def test_every_route_asks_for_the_login_or_is_known_not_to(address: str) -> None:
    """So that none that a later gradio adds is open unnoticed."""
    import gradio

    (page,) = (blocks for blocks in gradio.Blocks.get_instances() if getattr(blocks, "local_url", "") == address)
    found = set()
    with httpx.Client(base_url=address, timeout=30, follow_redirects=False) as nobody:
        for route in routes_within(page.app.routes):
            path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or {"GET"}
            where = re.sub(r"\{[^}]*\}", "x", path)
            for method in methods - {"HEAD", "OPTIONS"}:
                with nobody.stream(method, where, json={} if method == "POST" else None) as answer:
                    if answer.status_code not in (401, 403, 404, 405):
                        found.add((path.removeprefix("/gradio_api"), answer.status_code))
    assert any("queue/join" in route.path for route in routes_within(page.app.routes)), "gradio's own are among them"
    open_ones = {path for path, _ in found if not path.startswith("/assets/")}  # the login page has the same scripts
    assert open_ones <= OPEN, sorted(found)


def test_hanging_up_makes_no_guess_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.05)
    patience = security.Patience()

    async def guesses() -> float:
        began = time.monotonic()
        wrong = [asyncio.create_task(patience.answer(False, "the page")) for _ in range(6)]
        await asyncio.sleep(0.01)
        for guess in wrong:
            guess.cancel()
        assert await patience.answer(True, "the page")
        return time.monotonic() - began

    assert asyncio.run(guesses()) >= 6 * 0.05, "it waited behind all of them"


def test_the_wait_of_those_who_hang_up_is_counted_over_http(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.2)
    began = time.monotonic()
    for number in range(5):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}login", data={"username": "class", "password": str(number)}, timeout=0.02)
    answer = httpx.post(f"{address}login", data={"username": "class", "password": "open sesame"}, timeout=30)
    assert answer.status_code == 200
    assert time.monotonic() - began >= 5 * 0.2
