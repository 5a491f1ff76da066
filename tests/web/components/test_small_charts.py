"""Live curves, the pull of each term, and numbers in words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import pytest

from playground.engine.control import MemoryControl
from playground.engine.run import Frame
from playground.recipe.model import Recipe
from playground.web.components import small_charts
from playground.web.components.format import balance, compared, number, status_line

CURVE = [
    {
        "step": n, "evaluations": n, "seconds": n / 4,
        "content": 2.0, "style": 1000.0 / n, "variation": 0.0, "total": 2.0 + 1000.0 / n,
    }
    for n in range(1, 501)
]  # fmt: skip


class Balance(HTMLParser):
    """Counts tags that were opened and never closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def line(html: str, term: str) -> list[tuple[float, float]]:
    found = re.search(rf'<polyline class="k-{term}" points="([^"]+)"', html)
    assert found
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found[1].split())]


def test_lines_stand_where_a_log_axis_puts_them() -> None:
    html = small_charts.term_chart(CURVE, planned=1000)
    style, content = line(html, "style"), line(html, "content")
    assert style[-1][0] == 500  # half of the planned evaluations, on a width of 1000
    assert len({y for _, y in content}) == 1
    # one decade is the same distance everywhere: 1000 to 100, and 100 to 10, over evaluations 1, 10, 100
    full = small_charts.term_chart(CURVE[:100], planned=100)
    points = line(full, "style")
    first, tenth, hundredth = points[0][1], points[9][1], points[99][1]
    assert tenth - first == pytest.approx(hundredth - tenth, abs=2)
    assert "k-variation" not in html  # a term that is zero throughout has no place on a log axis


def test_long_curves_are_thinned_but_keep_both_ends() -> None:
    kept = small_charts.thinned(CURVE)
    assert len(kept) <= small_charts.MAX_POINTS + 1
    assert kept[0] is CURVE[0]
    assert kept[-1] is CURVE[-1]
    assert len(line(small_charts.term_chart(CURVE), "total")) == len(kept)


def test_the_text_alternative_has_the_figures() -> None:
    html = small_charts.term_chart(CURVE)
    label = re.search(r'role="img" aria-label="([^"]+)"', html)
    assert label
    assert "at evaluation 500" in label[1]
    assert "style 2, from 1\u202f000" in label[1]
    assert small_charts.term_chart([]).count("nothing measured yet") == 1


@pytest.mark.parametrize("curve", [[], CURVE[:1], CURVE, [{**CURVE[0], "content": 0.0, "style": 0.0, "total": 0.0}]])
def test_html_is_whole(curve: list[dict[str, float]]) -> None:
    html = small_charts.term_chart(curve)
    assert Balance(html).open == []
    assert "nan" not in html.lower()


def test_a_content_loss_that_starts_at_nothing_does_not_squeeze_the_rest() -> None:
    points = [{**CURVE[0], "content": 1e-30, "style": 1.0, "total": 1.0}, {**CURVE[1], "style": 0.1, "total": 2.1}]
    heights = [y for _, y in line(small_charts.term_chart(points), "style")]
    assert heights[1] - heights[0] > 500


def test_labels_keep_apart_and_inside() -> None:
    places = small_charts.apart([50.0, 50.5, 51.0, 99.5])
    ordered = sorted(places)
    assert all(b - a >= small_charts.LABEL_GAP - 1e-9 for a, b in pairwise(ordered))
    assert ordered[-1] <= 100


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1, "1"), (0.0666666, "0.0667"), (1e6, "1\u202f000\u202f000"), (1e21, "10²¹"), (3.5e-7, "3.5 × 10⁻⁷"),
        (9.9999e11, "10¹²"),
    ],
)  # fmt: skip
def test_numbers_in_words(value: float, text: str) -> None:
    assert number(value) == text


def test_weights_in_words() -> None:
    assert compared("style_weight", 3.0, 1.0) == "style pulls 3× harder than in this preset"
    assert compared("content_weight", 0.5, 1.0) == "content pulls 2× gentler than in this preset"
    assert compared("style_weight", 1.0, 1.0) == "1, as in this preset"
    assert compared("variation_weight", 0.0, 1.0) == "variation is off"
    assert compared("learning_rate", 0.04, 0.02) == "0.04: 2× this preset's"


def test_the_balance_is_said_beside_its_presets() -> None:
    far = Recipe(
        content_weight=3e-4, style_weight=1e-6
    )  # whose ratio, 300 : 1, is no more of the photo than 1 : 1 elsewhere
    assert balance(3e-4, 1e-6, far) == "Balanced as in this preset"
    assert balance(9e-4, 3.01e-6, far) == "Balanced as in this preset"
    assert balance(3e-4, 1e-5, far) == "10× nearer to the painting than this preset"
    assert balance(6e-4, 1e-6, far) == "2× nearer to the photo than this preset"
    assert balance(1e-320, 1e10, far).endswith("nearer to the painting than this preset")
    assert balance(1e10, 1e-320, far).endswith("nearer to the photo than this preset")
    assert balance(0.0, 1.0, far).startswith("The photo has no loss")
    assert balance(1.0, 0.0, far).startswith("Nothing asks")
    assert balance(0.0, 0.0, far).startswith("Neither")
    assert balance(None, 1.0, far) == ""
    assert balance(1.0, -1e300, far) == ""
    assert balance(1.0, 1.0, Recipe(content_weight=0.0)) == "Both count here, unlike in this preset"


def job(**news: object) -> SimpleNamespace:
    recipe = Recipe(size=256, iterations=100)
    frame = Frame(step=40, steps=100, evaluations=40, seconds=10.0, losses={}, layers={}, size=(256, 192))
    base = {"state": "running", "frame": frame, "curve": CURVE[:40], "recipe": recipe, "control": MemoryControl()}
    return SimpleNamespace(**{**base, "place": 0, "doing": "", **news})


def test_the_status_line() -> None:
    assert status_line(job(), "CPU", 15.0) == "step 40 of 100 · 10 s · 15 s left · 4.0 steps/s · CPU"
    waiting = job(state="waiting", frame=None, place=3, wait_seconds=None)
    assert status_line(waiting, "CPU").endswith("place 3 in the queue")
    waiting.wait_seconds = 75.0
    assert status_line(waiting, "CPU").endswith("place 3 in the queue · about 1 min 15 s to wait")
    assert status_line(job(state="paused"), "CPU") == "paused at step 40 of 100 · 10 s"
    assert status_line(job(state="stopped"), "CPU").startswith("stopped · 40 steps in 10 s")
