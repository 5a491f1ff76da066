"""Where the chart of a run ends its axis and puts its flags' words: the functions that it draws with, in a browser."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from playground.web.components import run_chart
from tests.helpers.visitor import NEEDS_CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_CHROMIUM
PEN = (Path(run_chart.__file__).parent.parent / "assets" / "run_chart_pen.js").read_text("utf-8")
WIDE = 90  # pixels of a flag's words here


@pytest.fixture
def asked(browser: Browser) -> Any:
    """Answers to expressions in which the functions of the file are known."""
    page = browser.new_page()
    yield lambda expression: page.evaluate(f"() => {{ {PEN}\nreturn {expression}; }}")
    page.close()


def test_the_axis_of_a_long_run_grows_with_it_and_ends_at_its_plan(asked: Any) -> None:
    ends = asked("Array.from({ length: 3000 }, (_, i) => axisEnd(i + 1, 3000))")
    assert sorted(set(ends)) == [10, 20, 50, 100, 200, 500, 1000, 3000]
    assert ends == sorted(ends)
    assert all(step <= end for step, end in enumerate(ends, 1))
    assert all(step > 0.3 * end for step, end in enumerate(ends, 1) if step > 4)  # the curve has a third of the width
    assert asked("[axisEnd(12, 12), axisEnd(1, 12), axisEnd(0.25, 40), axisEnd(37, 40)]") == [12, 12, 10, 40]


def placed(asked: Any, places: list[float]) -> list[dict[str, Any]]:
    """Flags at these pixels, latest first, on a plane that is 540 pixels wide."""
    flags = str([[place, f"flag {nth}"] for nth, place in enumerate(places)])
    found: list[dict[str, Any]] = asked(f"placedFlags({flags}, {{ across: (x) => x, right: 540 }}, () => {WIDE})")
    return found


@pytest.mark.parametrize(
    "places",
    [
        [300 + 2.0 * nth for nth in range(10)],  # an undo, a redo and a slider
        [520 + 2.0 * nth for nth in range(10)],  # at the right end
        [1.0, 3.0, 60.0, 240.0, 250.0, 400.0, 538.0],
        [50.0 * nth for nth in range(11)],
    ],
)
def test_no_flags_words_cover_anothers_and_the_latest_keeps_its_own(asked: Any, places: list[float]) -> None:
    found = placed(asked, places)
    assert [each["text"] for each in found] == [f"flag {nth}" for nth in reversed(range(len(places)))]
    assert found[0]["at"] is not None
    said = sorted((each["at"], each["at"] + WIDE) for each in found if each["at"] is not None)
    assert all(end < begin for (_, end), (begin, _) in pairwise(said))
    assert all(begin >= 0 and end <= 540 for begin, end in said)
    for each in found:  # nor does a flag stand in words
        if each["at"] is not None:
            assert not any(begin < each["x"] + 7 and each["x"] < end for begin, end in said)


def test_flags_with_room_all_have_their_words(asked: Any) -> None:
    assert all(each["at"] == each["x"] + 10 for each in placed(asked, [10.0, 150.0, 300.0, 420.0]))


def test_a_flag_without_room_beside_the_next_has_its_words_below(asked: Any) -> None:
    flags, plane = "[[50, 'long'], [90, 'longer']]", "{ across: (x) => x, right: 540 }"
    found = asked(f"placedFlags({flags}, {plane}, () => 200, 2)")
    assert [(each["at"], each["row"]) for each in found] == [(100, 0), (60, 1)]
    one_row = asked(f"placedFlags({flags}, {plane}, () => 200)")
    assert [each["at"] for each in one_row] == [100, None]


def test_a_sentence_wider_than_the_chart_is_cut(asked: Any) -> None:
    cut = "cutTo('Step 5: Style weight from 1 to 40', 100, (text) => 10 * text.length)"
    assert asked(cut) == "Step 5: S…"
    assert asked("cutTo('Step 5', 100, (text) => 10 * text.length)") == "Step 5"


def test_the_latest_flag_keeps_its_words_where_neither_side_has_room(asked: Any) -> None:
    found = asked(f"placedFlags([[50, 'flag']], {{ across: (x) => x, right: 100 }}, () => {WIDE})")
    assert found == [{"x": 50, "text": "flag", "at": 10, "row": 0}]


def test_a_value_below_the_axis_lies_below_the_chart_though_its_name_stays_inside(asked: Any) -> None:
    plane = "planeOf({ measureText: () => ({ width: 30 }) }, 500, 200, 10, [-1, 1], true)"
    read = "({ below, down, bottom }) => [below(1e-9), below(0), down(1e-9), below(0.1), below(10), bottom]"
    tiny, nothing, named, lowest, highest, bottom = asked(f"({read})({plane})")
    assert named == lowest == bottom
    assert highest < bottom < bottom + 500 < tiny <= nothing < 1e5


def test_figures_have_the_decimal_sign_of_the_page(asked: Any) -> None:
    assert asked("[number(0.15), number(4.2e-7), number(12345)]") == ["0.15", "4.2 × 10⁻⁷", "12\u202f300"]
    german = "(() => { window.playgroundDecimal = (figures) => String(figures).replace('.', ','); return [number(0.15), number(4.2e-7)]; })()"
    assert asked(german) == ["0,15", "4,2 × 10⁻⁷"]
