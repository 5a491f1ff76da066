"""Tug: the rope, its sentence and its maps, as HTML."""

from __future__ import annotations

import re

import numpy as np
import pytest

from playground.engine.pulls import Pulls
from playground.web.components.tug import HALF, WIDTH, said, tug

MAPS = {"content": np.ones((4, 6), np.float32), "style": np.full((4, 6), 0.5, np.float32)}
AT_REST = Pulls({"content": 1.0, "style": 0.96, "variation": 0.04}, 0.04, -0.97, MAPS)
AT_THE_START = Pulls({"content": 1e-9, "style": 0.99, "variation": 0.01}, 0.99, 0.1, {})


def test_a_sentence_says_who_pulls_how_and_what_is_left() -> None:
    assert said(AT_REST) == "content 50 %, style 48 %, variation 2 %, nearly opposite; 4 % left over."
    assert said(AT_THE_START) == "content 0 %, style 99 %, variation 1 %; 99 % left over."
    assert said(Pulls({"content": 0.0, "style": 0.0}, 0.0, None, {})) == "Nothing pulls."


def test_content_pulls_one_way_and_the_others_the_other() -> None:
    html = tug(AT_REST)
    ends = {
        name: (float(start), float(end))
        for name, start, end in re.findall(
            r'class="k-(\w+)"><line class="pull" x1="([\d.]+)" y1="30" x2="([\d.]+)"', html
        )
    }
    assert ends["content"][0] == ends["style"][0]
    assert ends["content"][1] < ends["content"][0] - HALF / 3
    assert ends["style"][1] > ends["style"][0] + HALF / 3
    assert ends["variation"][0] > ends["style"][1]
    assert html.count("data:image/png;base64,") == 2
    assert 'alt="content 50 %"' in html
    assert "k-content" not in tug(AT_THE_START)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("way", ["content", "style"])
def test_the_rope_stays_within_its_drawing_arrowheads_and_all(way: str, share: float) -> None:
    other = "style" if way == "content" else "content"
    html = tug(Pulls({way: share, other: 1 - share}, 1.0, None, {}))
    tips = [float(tip) for tip in re.findall(r'class="head" d="M(-?[\d.]+) ', html)]
    assert len(tips) == sum(one > 0.005 for one in (share, 1 - share))
    assert all(0 < tip < WIDTH for tip in tips)
    assert max(abs(tip - WIDTH / 2) for tip in tips) == pytest.approx(HALF * max(share, 1 - share), abs=0.1)


def test_where_nothing_was_measured_a_hint_stands() -> None:
    assert "Not measured" in tug(None)
    assert tug(None, "Measuring …") == '<p class="hint" data-turn="0">Measuring …</p>'


def test_it_says_which_picture_is_pulled_where_that_is_no_run() -> None:
    html = tug(AT_REST, looked_at="The result on show", turn=4)
    assert "The result on show: content 50 %" in html
    assert 'data-turn="4"' in html
