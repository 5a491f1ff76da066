"""Results are named by what differs between them, and links carry the samples by name."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.images.regions import encode_labels
from playground.recipe.presets import load_preset
from playground.web import shared_pictures
from playground.web.components.format import caption
from playground.web.components.pictures import sample_at, samples
from playground.web.compressed import CompressedPage
from playground.web.loop_time import LoopTime
from playground.web.studio.result_names import names, recipes_apart
from playground.web.studio.session import link_query, samples_of_link

RECIPE = load_preset()


def test_results_are_called_by_what_differs() -> None:
    strong, large = RECIPE.changed({"style_weight": 20.0}), RECIPE.changed({"size": 256})
    assert names([RECIPE, strong]) == ["style weight 1", "style weight 20"]
    assert names([strong, large]) == [f"style weight 20, size {RECIPE.size}", "style weight 1, size 256"]
    assert names([RECIPE, RECIPE.changed({"seed": 7})]) == ["Playground, seed 0", "Playground, seed 7"]
    assert names([RECIPE]) == names([RECIPE, RECIPE])[:1] == ["Playground, seed 0"]


def test_results_of_other_pictures_are_called_by_those() -> None:
    both = [("cat", "wind"), ("cat", "window")]
    assert names([RECIPE, RECIPE], both) == ["wind, Playground", "window, Playground"]
    strong = RECIPE.changed({"style_weight": 20.0})
    assert names([RECIPE, strong], both) == ["wind, style weight 1", "window, style weight 20"]
    assert names([RECIPE, strong], both[:1] * 2) == ["style weight 1", "style weight 20"]


def test_other_presets_are_called_by_their_title_and_not_by_fifty_settings() -> None:
    first, second = names([RECIPE, load_preset("hrnet-photorealistic")])
    assert first.startswith("Playground")
    assert second.startswith("Photorealistic network")
    assert all(name.count(",") <= 3 for name in (first, second))


def test_two_results_say_what_sets_them_apart() -> None:
    assert recipes_apart(RECIPE, RECIPE) == ""
    assert (
        recipes_apart(RECIPE, RECIPE.changed({"size": 256, "seed": 3}))
        == f"seed 0 ↔ seed 3; size {RECIPE.size} ↔ size 256"
    )


def test_a_map_is_named_and_never_spelt_out() -> None:
    plain = load_preset()
    mapped = plain.changed({"regions": encode_labels(np.eye(64, dtype=np.uint8) + 1), "style_weights": (1.0, 0.25)})
    first, second = names([mapped, plain])
    assert "map of regions" in first
    assert " 1, 0.25" in first
    assert "no map of regions" in second
    assert max(map(len, (first, second, recipes_apart(mapped, plain), caption(mapped)))) < 200


def test_a_link_names_samples_and_nothing_of_a_persons_own(tmp_path: Path) -> None:
    photo, own = samples("photos")[1], tmp_path / samples("styles")[0].path.name
    own.write_bytes(samples("styles")[0].path.read_bytes())
    assert sample_at("photos", photo.file()) == 1
    assert sample_at("styles", str(own)) is None
    query = link_query(RECIPE, {"content": photo.file(), "style": str(own)})
    assert query == f"?preset=default&photo={photo.name}"
    assert samples_of_link({"photo": photo.name, "painting": "none of ours"}) == {"content": photo.name}


def test_a_sample_is_served_as_the_file_it_is() -> None:
    for kind in ("photos", "styles"):
        for sample in samples(kind):
            assert Path(sample.file()).read_bytes() == sample.path.read_bytes()
            assert sample.file() == sample.file()


def test_a_picture_given_on_one_tab_stands_on_the_others(tmp_path: Path) -> None:
    sample, own, bad = samples("photos")[2].file(), str(tmp_path / "own.png"), str(tmp_path / "bad.png")
    Image.new("RGB", (64, 48)).save(own)
    Path(bad).write_text("no picture")
    with gr.Blocks(analytics_enabled=False):
        boxes, galleries = [gr.Image() for _ in range(3)], [gr.Gallery() for _ in range(3)]
    updates = shared_pictures.alike("photos", boxes, galleries, 1, "old", sample, "old")
    assert {boxes.index(box): updates[box] for box in boxes if box in updates} == {0: sample, 2: sample}
    assert [updates[gallery].selected_index for gallery in galleries] == [2, 2, 2]
    assert shared_pictures.alike("photos", boxes, galleries, 0, sample, sample, sample) == gr.skip()
    updates = shared_pictures.alike("photos", boxes, galleries, 0, own, sample, sample)
    assert {boxes.index(box): updates[box] for box in boxes if box in updates} == {1: own, 2: own}
    assert updates[galleries[0]].selected_index is None
    assert shared_pictures.alike("photos", boxes, galleries, 0, bad, sample, sample) == gr.skip()
    assert shared_pictures.alike("photos", boxes, galleries, 0, own, own, own, back=True) == gr.skip()
    updates = shared_pictures.alike("photos", boxes, galleries, 0, bad, sample, sample, back=True)
    assert {boxes.index(box): updates[box] for box in boxes if box in updates} == {0: sample}
    assert updates[galleries[0]].selected_index == 2


@pytest.mark.parametrize(("path", "encoding"), [("/", "gzip"), ("/gradio_api/file=a", None)])
def test_the_page_is_sent_small_and_nothing_else_is_touched(path: str, encoding: str | None) -> None:
    answer = [Route(at, lambda request: PlainTextResponse("word " * 2000)) for at in ("/", "/gradio_api/file=a")]
    client = TestClient(Starlette(routes=answer, middleware=[Middleware(CompressedPage, loop_time=LoopTime())]))
    assert client.get(path, headers={"accept-encoding": "gzip"}).headers.get("content-encoding") == encoding
    assert client.get(path, headers={"accept-encoding": "identity"}).headers.get("content-encoding") is None
