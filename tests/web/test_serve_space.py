"""The page as a Space: who may frame it, and runs on a lent GPU."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from playground.networks import read
from tests.helpers.serving import free_port, serving
from tests.helpers.visitor import NEEDS_CHROMIUM, playwright
from tests.helpers.waiting import until

# One test has a public website frame this machine, which Chromium refuses before it asks for our headers.
BROWSER_OPTIONS = ("--disable-features=LocalNetworkAccessChecks",)


SPACES = '''
"""Stands in for Hugging Face's package: the decorated generator runs in a forked process, values are pickled."""
import multiprocessing, pickle

asked = []


def GPU(duration):
    def decorate(task):
        def handler(*inputs):
            seconds = duration(*inputs)
            context = multiprocessing.get_context("fork")
            values = context.SimpleQueue()
            process = context.Process(target=work, args=(task, pickle.dumps(inputs), values), daemon=True)
            process.start()
            print(f"lent for {seconds:.0f} s", flush=True)
            while (value := values.get()) is not None:
                yield value
            print("given back", flush=True)
        return handler
    return decorate


def work(task, inputs, values):
    import torch
    torch.set_num_threads(1)  # the parent's other threads are not in a fork
    for value in task(*pickle.loads(inputs)):
        values.put(value)
    values.put(None)
'''


@pytest.fixture(scope="module")
def space(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The page as on a Space that lends its GPUs."""
    folder = tmp_path_factory.mktemp("space")
    (folder / "spaces.py").write_text(textwrap.dedent(SPACES), encoding="utf-8")
    environment: dict[str, Any] = {
        "SPACE_ID": "someone/playground",
        "SPACES_ZERO_GPU": "true",
        "PYTHONPATH": str(folder),
    }
    arguments = ["--port", str(free_port()), "--host", "127.0.0.1", "--device", "cpu"]
    arguments += ["--set", "grace_seconds=5", "--set", "max_iterations=100000"]
    with serving(*arguments, **environment) as (process, address):
        yield {"process": process, "address": address}


@NEEDS_CHROMIUM
def test_a_space_can_be_framed_by_hugging_face_and_by_nobody_else(space: dict[str, Any], browser: Any) -> None:
    address = space["address"]
    headers = httpx.get(address).headers
    assert "x-frame-options" not in headers
    framing = f'<iframe src="{address}" width="1000" height="800"></iframe>'

    def framed(site: str) -> tuple[Any, list[str]]:
        page, refusals = browser.new_context().new_page(), []
        page.route(f"{site}**", lambda route: route.fulfill(body=framing, content_type="text/html"))
        page.on("console", lambda said: refusals.append(said.text) if "frame-ancestors" in said.text else None)
        page.goto(site)
        return page, refusals

    page, refusals = framed("https://huggingface.co/")
    playwright.expect(page.frame_locator("iframe").locator("#run")).to_be_visible()
    assert not refusals
    page.context.close()
    page, refusals = framed("https://evil.example/")
    page.wait_for_timeout(500)
    assert len(refusals) == 1
    assert page.frame_locator("iframe").locator("#run").count() == 0
    page.context.close()


def test_on_zerogpu_a_run_is_painted_in_the_lent_process(
    space: dict[str, Any], uploads: dict[str, Any], tmp_path: Path
) -> None:
    process = space["process"]
    client = Client(space["address"], verbose=False, download_files=tmp_path / "downloads")
    call = client.submit(**uploads, overrides='{"size": 64, "iterations": 4}', api_name="/stylize")
    outputs = list(call)
    assert outputs[-1][1]["ended"] == "done"
    assert len({preview for preview, _, _ in outputs if preview}) >= 2
    assert process.stdout is not None
    assert process.stdout.readline() == "lent for 60 s\n"
    assert process.stdout.readline() == "given back\n"
    endless = client.submit(**uploads, overrides='{"size": 64, "iterations": 100000}', api_name="/stylize")
    until(lambda: any(status["state"] == "running" for _, status, _ in endless.outputs()), every=0.05)
    assert process.stdout.readline().startswith("lent for")
    endless.cancel()
    assert process.stdout.readline() == "given back\n"
