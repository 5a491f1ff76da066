"""The `/stylize` endpoint, called over HTTP as its users call it, painting on the real network at 64 px."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from playground.images.load import read_recipe_text
from playground.networks import read
from playground.recipe.parse import parse_recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.api import add_api
from tests.helpers.waiting import until

SMALL = json.dumps({"size": 64, "iterations": 4})
ENDLESS = json.dumps({"size": 64, "iterations": 100_000})


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", Limits(runs_each=1))
    yield jobs
    jobs.close()


@pytest.fixture(scope="module")
def address(jobs: Jobs) -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as demo:
        add_api(jobs)
    demo.queue(default_concurrency_limit=20)
    _, address, _ = demo.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, run_history=False, max_file_size="1mb"
    )
    yield address
    demo.close(verbose=False)


@pytest.fixture
def client(address: str, tmp_path: Path, jobs: Jobs) -> Iterator[Client]:
    yield Client(address, verbose=False, download_files=tmp_path / "downloads")
    for job in all_of(jobs):
        job.control.stop()
    until(lambda: all(job.ended for job in all_of(jobs)))


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    for name, size in (("content", (80, 60)), ("style", (64, 64))):
        Image.fromarray(random.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return {name: handle_file(tmp_path / f"{name}.png") for name in ("content", "style")}


def all_of(jobs: Jobs) -> list[Job]:
    return list(jobs.known())


def raw(address: str, data: list[Any]) -> str:
    """What a caller without any client gets: the text of the event stream."""
    answer = httpx.post(f"{address}gradio_api/call/stylize", json={"data": data})
    answer.raise_for_status()
    return httpx.get(f"{address}gradio_api/call/stylize/{answer.json()['event_id']}", timeout=60).text


def test_it_streams_previews_and_ends_with_the_file(client: Client, pictures: dict[str, Any]) -> None:
    outputs = list(client.submit(**pictures, preset="default", overrides=SMALL, api_name="/stylize"))
    first, last = outputs[0], outputs[-1]
    assert first[1]["state"] in ("waiting", "loading", "running")
    assert first[2] is None
    previews = [preview for preview, _, _ in outputs if preview]
    assert len(set(previews)) >= 2
    with Image.open(previews[0]) as preview:
        assert (preview.format, preview.size) == ("JPEG", (64, 48))
    steps = [status["step"] for _, status, _ in outputs]
    assert steps == sorted(steps)
    status = last[1]
    assert (status["state"], status["ended"], status["step"], status["evaluations"]) == ("done", "done", 4, 4)
    assert status["losses"]["total"] == pytest.approx(
        sum(value for term, value in status["losses"].items() if term != "total")
    )
    with Image.open(last[2]) as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 48))
    text = read_recipe_text(last[2])
    assert text is not None
    recipe = parse_recipe(text)
    assert (recipe.size, recipe.preset) == (64, "default")
    assert recipe.model_dump(mode="json") == status["recipe"]


def test_predict_returns_the_end(client: Client, pictures: dict[str, Any]) -> None:
    _, status, file = client.predict(**pictures, overrides=SMALL, api_name="/stylize")
    assert status["ended"] == "done"
    assert file.endswith(".png")


def test_several_paintings_and_a_map(client: Client, pictures: dict[str, Any], tmp_path: Path) -> None:
    colours = np.zeros((60, 80, 3), np.uint8)
    colours[:, :40, 0], colours[:, 40:, 1] = 255, 255
    Image.fromarray(colours).save(tmp_path / "map.png")
    more = {"styles": [pictures["content"]], "regions": handle_file(tmp_path / "map.png")}
    _, _, file = client.predict(**pictures, **more, overrides=SMALL, api_name="/stylize_several")
    recipe = parse_recipe(read_recipe_text(file) or "")
    assert recipe.style_weights == (1.0, 1.0)
    assert recipe.regions
    with pytest.raises(AppError, match="green in places, for painting 2, and only 1 is given"):
        client.predict(**pictures, regions=more["regions"], overrides=SMALL, api_name="/stylize_several")
    with pytest.raises(AppError, match="at most 3 pictures"):
        client.predict(**pictures, styles=[pictures["content"]] * 4, overrides=SMALL, api_name="/stylize_several")


def test_it_is_described_for_the_api_view(client: Client) -> None:
    described = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/stylize"]
    names = [parameter["parameter_name"] for parameter in described["parameters"]]
    assert names == ["content", "style", "preset", "overrides", "replace"]
    assert [parameter["parameter_has_default"] for parameter in described["parameters"]] == [False] * 2 + [True] * 3
    assert "refused with one sentence" in described["description"]
    assert len(described["returns"]) == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"preset": "nope"}, "no stylize preset called 'nope'"),
        ({"preset": "hrnet"}, "no stylize preset called"),
        ({"overrides": "size=64"}, "not valid JSON"),
        ({"overrides": "[64]"}, "must be a JSON object"),
        ({"overrides": '{"size": NaN}'}, "finite"),
        ({"overrides": '{"style_weight": -1}'}, "style_weight"),
        ({"overrides": '{"sise": 64}'}, "did you mean 'size'"),
        ({"overrides": '{"network": "/etc/passwd"}'}, "not with '/etc/passwd'"),
        ({"overrides": '{"network": 5}'}, "network"),
        ({"overrides": '{"style_layers": {}, "content_layers": {}}'}, "no layer carries content or style"),
        ({"content": None}, "content picture is missing"),
        ({"style": None}, "style picture is missing"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(
    client: Client, pictures: dict[str, Any], jobs: Jobs, wrong: dict[str, Any], sentence: str
) -> None:
    before = len(all_of(jobs))
    with pytest.raises(AppError, match=sentence):
        client.predict(**{**pictures, "overrides": SMALL, "api_name": "/stylize", **wrong})
    assert len(all_of(jobs)) == before


@pytest.mark.parametrize(("text", "sentence"), [("<svg xmlns='x'/>", "is an SVG drawing"), ("words", "is no picture")])
def test_what_is_no_picture_is_refused_in_words(
    client: Client, pictures: dict[str, Any], tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "picture.png").write_text(text, encoding="utf-8")
    with pytest.raises(AppError, match=f"The style picture 'picture.png' {sentence}"):
        client.predict(**pictures | {"style": handle_file(tmp_path / "picture.png")}, api_name="/stylize")


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("where", ["machine", "address", "outside the uploads"])
def test_only_uploads_are_opened(address: str, tmp_path: Path, jobs: Jobs, marked: bool, where: str) -> None:
    """A request may name any path and leave out the mark that gradio looks for; neither is opened."""
    Image.new("RGB", (64, 64)).save(tmp_path / "secret.png")
    uploads = gr.utils.get_upload_folder()
    path = {
        "machine": str(tmp_path / "secret.png"),
        "address": "http://127.0.0.1:9/picture.png",
        "outside the uploads": f"{uploads}/{os.path.relpath(tmp_path, uploads)}/secret.png",
    }[where]
    file: dict[str, Any] = {"path": path} | ({"meta": {"_type": "gradio.FileData"}} if marked else {})
    before = len(all_of(jobs))
    for data in ([file, file, "default", SMALL, False], [None, file, "default", SMALL, False]):
        answer = raw(address, data)
        assert "event: error" in answer
        assert "Only uploaded pictures are opened here" in answer
    assert len(all_of(jobs)) == before


def test_a_caller_without_a_client_reads_the_sentence_too(address: str) -> None:
    answer = raw(address, [None, None, "default", SMALL, False])
    assert "event: error" in answer
    assert "The content picture is missing: upload one." in answer


def test_a_caller_without_a_client_gets_the_file(address: str, tmp_path: Path, pictures: dict[str, Any]) -> None:
    files = []
    for name in ("content", "style"):
        sent = {"files": (f"{name}.png", (tmp_path / f"{name}.png").read_bytes(), "image/png")}
        (path,) = httpx.post(f"{address}gradio_api/upload", files=sent).json()
        files.append({"path": path, "meta": {"_type": "gradio.FileData"}})
    lines = raw(address, [*files, "default", SMALL, False]).splitlines()
    assert lines[0] in ("event: generating", "event: complete")
    _, status, file = json.loads([line for line in lines if line.startswith("data: ")][-1].removeprefix("data: "))
    assert status["ended"] == "done"
    finished = httpx.get(file["url"]).content
    with Image.open(io.BytesIO(finished)) as picture:
        assert picture.size == (64, 48)


def test_one_run_a_person_and_a_hang_up_stops_it(
    address: str, client: Client, pictures: dict[str, Any], jobs: Jobs, tmp_path: Path
) -> None:
    before = len(all_of(jobs))
    call = client.submit(**pictures, overrides=ENDLESS, api_name="/stylize")
    until(lambda: len(all_of(jobs)) > before and all_of(jobs)[-1].state == "running")
    endless = all_of(jobs)[-1]
    with pytest.raises(AppError, match="already have a run going on"):
        client.predict(**pictures, overrides=SMALL, api_name="/stylize")
    same = Client(address, verbose=False, download_files=tmp_path / "same")
    with pytest.raises(AppError, match="already have a run going on"):  # another session makes nobody else of them
        same.predict(**pictures, overrides=SMALL, api_name="/stylize")
    assert endless.state == "running"
    call.cancel()
    until(lambda: endless.state == "stopped")


def test_replace_stops_the_run_before(client: Client, pictures: dict[str, Any], jobs: Jobs) -> None:
    before = len(all_of(jobs))
    client.submit(**pictures, overrides=ENDLESS, api_name="/stylize")
    until(lambda: len(all_of(jobs)) > before and all_of(jobs)[-1].state == "running")
    endless = all_of(jobs)[-1]
    status = client.predict(**pictures, overrides=SMALL, replace=True, api_name="/stylize")[1]
    assert status["ended"] == "done"
    assert endless.state == "stopped"


def test_a_lost_connection_stops_the_run(address: str, tmp_path: Path, pictures: dict[str, Any], jobs: Jobs) -> None:
    files = []
    for name in ("content", "style"):
        sent = {"files": (f"{name}.png", (tmp_path / f"{name}.png").read_bytes(), "image/png")}
        (path,) = httpx.post(f"{address}gradio_api/upload", files=sent).json()
        files.append({"path": path, "meta": {"_type": "gradio.FileData"}})
    before = len(all_of(jobs))
    answer = httpx.post(f"{address}gradio_api/call/stylize", json={"data": [*files, "default", ENDLESS, False]})
    with httpx.stream("GET", f"{address}gradio_api/call/stylize/{answer.json()['event_id']}", timeout=60) as stream:
        until(lambda: len(all_of(jobs)) > before and all_of(jobs)[-1].state == "running")
        next(stream.iter_lines())
    until(lambda: all_of(jobs)[-1].state == "stopped")
