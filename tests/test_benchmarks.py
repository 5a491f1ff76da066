"""The benchmarks' own parts: the loop they compare with, the figure and the contact sheet."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from benchmarks.figure import bars, figure, lines
from benchmarks.reference import ReferenceLoop
from benchmarks.regions import VARIANTS, recipe_for, seconds_of_steps
from benchmarks.sheet import lay_out
from playground.images.regions import areas_of
from playground.networks.read import Weights
from playground.networks.vgg import Vgg


def test_the_reference_loop_looks_through_the_same_network(hed: Weights) -> None:
    torch.manual_seed(0)
    photo, painting = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 48, 48) ** 3
    loop = ReferenceLoop(photo, painting, hed)
    deepest = Vgg(hed)(photo, ["conv5_1"])["conv5_1"]
    torch.testing.assert_close(loop.model(photo), deepest, rtol=1e-4, atol=1e-3)
    assert len(loop.style_losses) == 5
    first = loop.step()
    assert min(loop.step() for _ in range(3)) < first


def test_the_figure_is_well_formed_and_shows_every_value() -> None:
    panels = [
        bars("Bars & <more>", ["a", "b"], {"default": [1.0, 2.0], "engine": [None, 3.0]}, "s"),
        lines("Lines", {"default": [(1, 10), (10, 1)], "engine": [(2, 5)]}, "x", "y"),
        lines("Linear", {"default": [(0, 0), (1, 1)]}, "x", "y", log_x=False, log_y=False),
    ]
    root = ElementTree.fromstring(figure(panels, "caption"))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}g")) == 3
    assert len(list(root.iter(f"{space}circle"))) == 5
    texts = [element.text for element in root.iter(f"{space}text")]
    assert {"Bars & <more>", "1", "2", "3", "caption"} <= set(texts)
    heights = [float(one.attrib["height"]) for one in root.findall(f"{space}g")[0].iter(f"{space}rect")][2:]
    assert heights[2] == pytest.approx(3 * heights[0], rel=0.01)  # after the legend's: one's two bars, then two's


def test_the_sheet_keeps_proportions() -> None:
    wide = Image.new("RGB", (200, 100), "red")
    sheet = lay_out([[(wide, "a"), (wide, "b")]], 50)
    assert sheet.width == 2 * 58 + 8
    row = [sheet.getpixel((10, y)) for y in range(8, 58)]
    assert row.count((255, 0, 0)) == 25


@pytest.mark.usefixtures("hed")
def test_regions_are_measured_in_turns_on_the_same_photo() -> None:
    seconds = seconds_of_steps("direct", 64, 2)
    assert list(seconds) == list(VARIANTS)
    assert all(each > 0 for each in seconds.values())
    one, four, soft = (recipe_for(variant, "direct", 64, 5) for variant in VARIANTS)
    assert not one.regions
    assert (areas_of(four, (64, 64)).sum((1, 2)) == [0, 1024, 1024, 1024, 1024]).all()
    assert soft.region_softness > four.region_softness == 0
