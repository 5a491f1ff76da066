"""The `/instant` endpoint, called over HTTP as its users call it, painting with the real networks at 64 px."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from playground.feedforward.apply import Stylized, stylize_picture
from playground.feedforward.blended import blended_stylizer
from playground.feedforward.model import Model, load_model, shipped_styles
from playground.images.convert import resize_picture
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.tasks import Task
from playground.web.components.pictures import Sample, photos, styles
from playground.web.gradio_patches.foreign_files import accept_uploads_only
from playground.web.instant.api import add_instant_api
from playground.web.instant.choice import small
from tests.helpers.samples import sample


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    jobs = Jobs("cpu", Limits(runs_each=1))
    yield jobs
    jobs.close()


@pytest.fixture(scope="module")
def client(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with gr.Blocks(analytics_enabled=False) as demo:
        accept_uploads_only()
        add_instant_api(jobs)
    demo.queue(default_concurrency_limit=20)
    _, address, _ = demo.launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, run_history=False, max_file_size="1mb"
    )
    yield Client(address, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))
    demo.close(verbose=False)


def called(client: Client, styles: Sequence[Sample], **settings: Any) -> tuple[np.ndarray, dict[str, Any]]:
    files = [handle_file(style.path) for style in styles]
    path, about = client.predict(handle_file(photos()[0].path), files, json.dumps(settings), api_name="/instant")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")), about


def by_hand(styles: Sequence[tuple[Model | Image.Image, float]], size: int, strokes: float = 1.0) -> Stylized:
    photo = resize_picture(sample("photos", photos()[0].name), size)
    return stylize_picture(blended_stylizer(styles, ""), photo, strokes=strokes)


@pytest.mark.usefixtures("any_painting")
def test_paintings_and_a_trained_style_are_blended_as_on_the_page(client: Client) -> None:
    first, second = (one.name for one in styles()[:2])
    name = next(iter(shipped_styles()))
    painted, about = called(
        client, styles()[:2], trained=[name], weights=[1, 0.5, 2], size=96, strength=0.75, strokes=1.5
    )
    blend: list[tuple[Model | Image.Image, float]] = [
        (small(sample("styles", first)), 1.0),
        (small(sample("styles", second)), 0.5),
        (load_model(name), 2.0),
    ]
    expected = by_hand(blend, 96, 1.5).at(0.75, False)
    assert np.array_equal(painted, np.asarray(expected))
    assert about["styles"] == ["painting 1", "painting 2", name]
    assert about["size"] == list(expected.size)
    assert about["seconds"] > 0


def test_a_trained_style_alone_with_the_photos_colours(client: Client) -> None:
    name = next(iter(shipped_styles()))
    painted, _ = called(client, [], trained=[name], size=64, original_colours=True)
    assert np.array_equal(painted, np.asarray(by_hand([(load_model(name), 1.0)], 64).at(1.0, True)))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "one to 4 styles are blended, paintings and trained ones, not 0"),
        ({"trained": ["swirl"]}, "no trained style 'swirl'; did you mean 'swirls'?"),
        ({"trained": ["/etc/passwd"]}, "no trained style '/etc/passwd'; there are .*swirls"),
        ({"trained": ["swirls"], "weights": [1, 1]}, "there are 2 for 1 styles; give one for each"),
        ({"trained": ["swirls"], "weights": [-1]}, "weights.*greater than or equal to 0"),
        ({"trained": ["swirls"], "weights": [0]}, "above zero|above 0"),
        ({"trained": ["swirls"], "strength": 2}, "strength: .*less than or equal to 1"),
        ({"trained": ["swirls"], "size": 100_000}, "size: .*less than or equal to 4096"),
        ({"trained": ["swirls"], "strenght": 1}, "no setting called 'strenght'; did you mean 'strength'?"),
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(client: Client, settings: Any, why: str) -> None:
    text = settings if isinstance(settings, str) else json.dumps(settings)
    with pytest.raises(AppError, match=why):
        client.predict(handle_file(photos()[0].path), [], text, api_name="/instant")


def test_a_picture_that_is_none_and_one_that_is_missing(client: Client, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    for photo, paintings, why in (
        (None, [], "content picture is missing"),
        (handle_file(tmp_path / "no.png"), [], "content picture"),
        (handle_file(photos()[0].path), [handle_file(tmp_path / "no.png")], "style picture"),
        (handle_file(photos()[0].path), [handle_file(styles()[0].path)] * 5, "at most 4 pictures"),
    ):
        with pytest.raises(AppError, match=why):
            client.predict(photo, paintings, "{}", api_name="/instant")


def test_a_person_has_one_at_a_time(client: Client, jobs: Jobs) -> None:
    held = threading.Event()

    def work(_: Task) -> None:
        held.wait(60)

    task = jobs.task("address 127.0.0.1", work)
    try:
        with pytest.raises(AppError, match="still under way"):
            client.predict(handle_file(photos()[0].path), [], '{"trained": ["swirls"]}', api_name="/instant")
    finally:
        held.set()
        task.over.wait(60)
