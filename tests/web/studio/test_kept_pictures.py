"""What stands on the page of a run's rounds, its last picture and its cut, as data; and what a preset leaves as it was set."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame, Result, Round
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components import cut, rounds
from playground.web.studio.kept_pictures import last_of, pair
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.steering import Steering
from tests.helpers.page import Names


def colour(name: str) -> Image.Image:
    return Image.new("RGB", (64, 32), name)


def ended(last: Image.Image | None, *said: Round, **recipe: object) -> Job:
    job = Job(Pictures(colour("green"), (colour("red"),)), Recipe(size=64, **recipe), "me", MemoryControl(), 5.0)
    found = Result(colour("blue"), job.recipe, "done", {}, {}, [], 1, 1, 1.0, None, last=last)
    for round in said:
        job.store(Frame(round.number, 9, round.number, 0.1, {}, {}, round=round))
    job.store(Frame(9, 9, 9, 1.0, {}, {}, picture=np.asarray(found.picture), state="done", result=found))
    return job


def test_rounds_are_told_newest_first_and_no_more_than_can_be_read() -> None:
    assert "this run has none" in rounds.table(None)
    assert "this run has none" in rounds.table(ended(None))
    one, two = Round(1, 21, 0.525, "enough evaluations"), Round(2, 22, None, "nothing lower found")
    table = rounds.table(ended(None, one, two))
    assert table.index("<td>2</td><td>22</td><td>no search</td><td>nothing lower found</td>") < table.index(
        "<td>1</td><td>21</td><td>0.525</td><td>enough evaluations</td>"
    )
    many = [replace(one, number=number) for number in range(1, 300)]
    assert rounds.table(ended(None, *many)).count("<tr>") == 41
    assert [said.number for said in ended(None, *many).reported.rounds] == list(range(100, 300))


def test_the_last_picture_stands_beside_the_best() -> None:
    job = ended(colour("yellow"))
    assert pair(job).count("<img") == 2
    assert pair(None) == pair(ended(None)) == ""
    shown = last_of(job)
    assert shown is not None
    assert shown.getpixel((5, 5)) == (255, 255, 0)
    job.colours = "content"
    shown = last_of(job)
    assert shown is not None
    assert shown.getpixel((5, 5)) != (255, 255, 0)  # a green photo's colours
    cut_job = ended(Image.new("RGB", (32, 32), "yellow"), crop="1:1")
    cut_job.colours = "content"
    assert pair(cut_job).count("<img") == 2


def test_a_painting_is_shown_cut_only_where_it_is_as_large_as_the_result() -> None:
    assert cut.value({"crop": "10:7", "style_size": "content"}) == {"content": "10:7", "style": "10:7"}
    assert cut.value({"crop": "10:7", "style_size": "512"}) == {"content": "10:7", "style": "none"}
    assert cut.value({"crop": "none", "style_size": "content"}) == cut.WHOLE == cut.value({})


@pytest.mark.usefixtures("hed")
def test_a_preset_leaves_what_a_person_has_set() -> None:
    panel = SettingsPanel(Jobs(device="cpu"), Names())
    session, steering = Session(load_preset()), Steering(panel)
    panel.show(session, session.base)
    for name, value in (("seed", 7), ("size", 320), ("crop", "1:1"), ("seconds", 20), ("iterations", 5)):
        assert steering.moved(name, session, value) == ""
    updates = panel.choose_preset(session, "tf-adam-tv")
    assert (updates["set-seed"], updates["set-size"], updates["set-crop"], updates["set-seconds"]) == (
        7,
        320,
        "1:1",
        20,
    )
    assert "preset" not in updates  # the list shows it; said again, it would undo what was chosen while the answer came
    assert updates["set-iterations"] == load_preset("tf-adam-tv").iterations
    assert "Size stays 320 px" in updates["preset-note"]
    thrown = steering.dice(session)
    assert panel.choose_preset(session, "gatys-adam")["set-seed"] == thrown
    steering.moved("size", session, 224)  # as the preset again: the next one brings its own
    assert panel.choose_preset(session, "vgg16-lbfgs")["set-size"] == 500
    panel.reset(session)
    updates = panel.choose_preset(session, "gatys-adam")
    assert (updates["set-seed"], updates["set-crop"], updates["set-size"]) == (0, "none", 224)
    assert isinstance(updates["journal"], gr.Row)
    refused = steering.moved("seed", session, -1)
    assert "Seed" in refused or "seed" in refused
    assert panel.choose_preset(session, "gatys-adam")["set-seed"] == 0
