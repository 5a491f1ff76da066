"""What the page's events have to do with each other, told from the page itself."""

from __future__ import annotations

from collections import Counter

from playground.service.jobs import Jobs
from playground.web.page import build_page


def test_no_two_listeners_of_one_event_keep_the_latest_waiting(jobs: Jobs) -> None:
    """Gradio starts both anew whenever one ends, so each makes the other wait again, without end."""
    events = build_page(jobs).get_config_file()["dependencies"]
    waiting = Counter(
        tuple(target) for event in events if event["trigger_mode"] == "always_last" for target in event["targets"]
    )
    assert waiting
    assert [target for target, listeners in waiting.items() if listeners > 1] == []


def test_every_event_hides_its_progress(jobs: Jobs) -> None:
    """The page's script tells parts of shown progress only; one that had both kinds could keep what it showed last."""
    events = build_page(jobs).get_config_file()["dependencies"]
    assert {event["show_progress"] for event in events} == {"hidden"}


def test_of_presets_chosen_in_haste_none_is_dropped(jobs: Jobs) -> None:
    """And no answer says again what the list shows already, which would put it back."""
    page = build_page(jobs).get_config_file()
    called = {part["props"].get("elem_id"): part["id"] for part in page["components"]}
    for name in ("preset", "train-preset"):
        chosen = [event for event in page["dependencies"] if (called[name], "input") in map(tuple, event["targets"])]
        assert [event["trigger_mode"] for event in chosen] == ["always_last"], name
