"""A handler that fails answers in words, with one line in the log that a developer may have in full."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from playground.service.log import TextLines
from playground.service.settings import Settings
from playground.web.gradio_patches.unreadable_requests import FAULT, refuse_unreadable_requests
from playground.web.pagefiles import PageFiles
from playground.web.people import Cookies, People
from playground.web.security import Guard


class State:
    job = SimpleNamespace(name="run 12")

    def __deepcopy__(self, memo: Any) -> State:
        return self


def stumble(state: State) -> str:
    raise ZeroDivisionError("a detail\nof the inside")


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    refuse_unreadable_requests()
    with gr.Blocks(analytics_enabled=False) as page:
        state, said = gr.State(State()), gr.Textbox()
        gr.Button().click(stumble, state, said, queue=False)
    people = People(Cookies(bytes(32)), 30.0)
    guard = Middleware(Guard, settings=Settings(), files=PageFiles(tmp_path, 10), people=people)
    app = gr.routes.App.create_app(page, app_kwargs={"middleware": [guard]})
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture(params=[False, True], ids=["for people", "for a developer"])
def log(request: pytest.FixtureRequest) -> Iterator[tuple[io.StringIO, bool]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines(request.param))
    logging.getLogger("playground").addHandler(handler)
    yield stream, request.param
    logging.getLogger("playground").removeHandler(handler)


def test_a_handler_that_fails_answers_in_words(
    client: TestClient, log: tuple[io.StringIO, bool], capfd: pytest.CaptureFixture[str]
) -> None:
    body = {"data": [None], "fn_index": 0, "session_hash": "one"}
    answer = client.post("/gradio_api/run/predict", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == FAULT
    stream, debug = log
    lines = stream.getvalue().splitlines()
    assert "the handler of stumble failed beside run 12" in lines[0]
    assert (len(lines) > 1) == debug
    if debug:
        assert "Traceback" in stream.getvalue()
    else:
        assert "ZeroDivisionError: a detail of the inside (test_unreadable_requests.py, line" in lines[0]
    assert "Traceback" not in capfd.readouterr().err
