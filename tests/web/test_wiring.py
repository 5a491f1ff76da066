"""What the page's events have to do with each other, told from the page itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from playground.service.jobs import Jobs
from playground.web.page import build_page


@pytest.fixture(scope="module")
def page() -> Mapping[str, Any]:
    """The page as it is described to a browser."""
    jobs = Jobs("cpu")
    described = build_page(jobs).get_config_file()
    jobs.close()
    return described


def test_no_two_listeners_of_one_event_keep_the_latest_waiting(page: Mapping[str, Any]) -> None:
    """Gradio starts both anew whenever one ends, so each makes the other wait again, without end."""
    events = page["dependencies"]
    waiting = Counter(
        tuple(target) for event in events if event["trigger_mode"] == "always_last" for target in event["targets"]
    )
    assert waiting
    assert [target for target, listeners in waiting.items() if listeners > 1] == []


def test_every_event_hides_its_progress(page: Mapping[str, Any]) -> None:
    """The page's script tells parts of shown progress only; one that had both kinds could keep what it showed last."""
    assert {event["show_progress"] for event in page["dependencies"]} == {"hidden"}


def test_of_presets_chosen_in_haste_none_is_dropped(page: Mapping[str, Any]) -> None:
    """And no answer says again what the list shows already, which would put it back."""
    called = {part["props"].get("elem_id"): part["id"] for part in page["components"]}
    for name in ("preset", "train-preset"):
        chosen = [event for event in page["dependencies"] if (called[name], "input") in map(tuple, event["targets"])]
        assert [event["trigger_mode"] for event in chosen] == ["always_last"], name


def test_one_button_starts_a_run(page: Mapping[str, Any]) -> None:
    """A second one beside it, which did the same, left people wondering what else it did."""
    called = {part["props"].get("elem_id"): part["id"] for part in page["components"]}
    (starts,) = (event for event in page["dependencies"] if [called["run"], "click"] in map(list, event["targets"]))
    assert [list(target) for target in starts["targets"]] == [[called["run"], "click"]]
