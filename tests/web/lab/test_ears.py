"""The Lab without a browser: what is heard of an edit, told in words and meters."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.load import load_picture
from playground.lens.ears import Heard
from playground.lens.edits import EDITS
from playground.networks import read
from playground.networks.vgg import Vgg
from playground.service.jobs import Jobs
from playground.web.components.pictures import STYLE_FOLDER
from playground.web.lab import ears
from playground.web.words import LANGUAGES, has, words


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    made = Jobs("cpu")
    yield made
    made.close()


@pytest.fixture(scope="module")
def painting() -> Image.Image:
    return load_picture(STYLE_FOLDER / "swirls.jpg")


def test_sixteen_tiles_are_heard_by_content_and_hardly_by_style(jobs: Jobs, painting: Image.Image) -> None:
    found, before = ears.listened(jobs, painting, "cut", 4)
    assert before.width == found.picture.width == 256
    assert found.found.content is not None
    assert found.found.content > 0.8
    assert found.found.style < 0.1
    assert "Content notices, style hardly" in ears.spoken(found)


def test_no_edit_is_exactly_nothing(jobs: Jobs, painting: Image.Image) -> None:
    found, _ = ears.listened(jobs, painting, "", None)
    assert found.found.content == 0
    assert found.found.style == 0
    assert "exactly 0" in ears.spoken(found)


def test_an_edit_that_changes_the_size_has_no_content_distance(jobs: Jobs, painting: Image.Image) -> None:
    found, before = ears.listened(jobs, painting, "rescale", 50)
    assert found.found.content is None
    shown = ears.screen(before, found)
    assert "the size changed" in ears.spoken(found)
    assert "the size changed" in shown
    assert shown.count('class="track') == 6  # style and its five layers


def test_meters_are_as_long_as_what_is_heard_and_say_when_it_is_more() -> None:
    layers = {"conv1_1": 0.0, "conv2_1": 0.75, "conv3_1": 3.0}
    shown = ears.meters(Heard(0.3, layers), another=0.75)
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", shown)]
    assert widths == [20.0, 83.3, 0.0, 50.0, 100.0]  # of 1.5; content, style's mean 1.25, layers
    assert shown.count("beyond") == 1
    assert shown.count("left:50.0%") == 2  # the mark of another painting, and what is written beneath


def test_without_a_painting_or_with_an_unknown_edit_nothing_is_heard(jobs: Jobs) -> None:
    with pytest.raises(PlaygroundError, match="choose a painting"):
        ears.heard(jobs, None, "cut", 4)


def test_every_edit_and_its_amount_has_words_in_every_language() -> None:
    for name, edit in EDITS.items():
        assert has(f"lab.edit.{name}")
        assert has(f"lab.amount.{name}") == (edit.least < edit.most)
        assert all(f"lab.edit.{name}" in words(language) for language in LANGUAGES)


def test_an_edit_costs_one_look_and_hears_the_same_as_before(
    jobs: Jobs, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = ("blur", 3.0)
    first, _ = ears.listened(jobs, painting, *edit)
    looks: list[int] = []
    look = Vgg.__call__
    monkeypatch.setattr(Vgg, "__call__", lambda self, *asked: looks.append(1) or look(self, *asked))
    again, _ = ears.listened(jobs, painting, *edit)
    assert again.found == first.found
    assert again.another == first.another
    assert len(looks) == 1
    ears.listened(jobs, painting.transpose(Image.Transpose.ROTATE_90), *edit)
    assert len(looks) == 3  # of another painting its own look too, and none of what it is compared with
