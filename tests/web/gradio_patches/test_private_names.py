"""What gradio has no public name for can be had where private_names.py looks for it."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from playground.web.gradio_patches.private_names import (
    event_value,
    kept_files,
    page_under_construction,
    served_bytes,
    served_file,
)


def test_the_page_under_construction_is_the_outermost() -> None:
    with gr.Blocks(analytics_enabled=False) as page, gr.Row():
        assert page_under_construction() is page


def test_files_are_put_where_their_component_may_serve_them(tmp_path: Path) -> None:
    place, given = gr.File(), tmp_path / "a.txt"
    given.write_bytes(b"abc")
    for path in (served_bytes(b"abc", "a.txt", place), served_file(given, place)):
        assert Path(path).read_bytes() == b"abc"
        assert Path(path).name == "a.txt"
        assert Path(path).is_relative_to(place.GRADIO_CACHE)


def test_an_events_value_or_none() -> None:
    assert event_value(gr.EventData(None, {"name": "run 1"}), "name") == "run 1"
    assert event_value(gr.EventData(None, {}), "name") is None
    assert event_value(gr.EventData(None, None), "name") is None


def test_samples_belong_to_the_page(tmp_path: Path) -> None:
    sample = tmp_path / "sample.txt"
    sample.write_text("a")
    with gr.Blocks(analytics_enabled=False) as page:
        gr.File(str(sample))
    assert [Path(path).name for path in kept_files(page)] == ["sample.txt"]
