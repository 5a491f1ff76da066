"""Plain gradio still has the troubles that gradio_patches mends; where one of these fails, the patch may go."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from playground.web import gradio_patches
from playground.web.gradio_patches.queue_polling import LOOK_EVERY

MEASURED_ELSEWHERE = {
    "unchanged_outputs",
    "queue_polling",
    "private_names",
    "served_scripts",
}  # by a test beside this or below


ROOT = Path(__file__).parents[3]
ASKING = """
import json
from playground.web.gradio_patches.written_interfaces import leave_interfaces_unwritten
leave_interfaces_unwritten()  # two seconds less; whether gradio writes them is asked all the same
from tests.web.gradio_patches.plain import troubles
print(json.dumps(troubles()))
"""


@pytest.fixture(scope="module")
def troubles() -> dict[str, bool]:
    """By patch whether plain gradio needs it."""
    command = [sys.executable, "-c", ASKING]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def patches() -> list[str]:
    folder = Path(gradio_patches.__file__).parent
    return sorted({path.stem for path in folder.glob("*.py")} - {"__init__"} - MEASURED_ELSEWHERE)


@pytest.mark.parametrize("name", patches())
def test_gradio_has_not_mended_it_itself(troubles: dict[str, bool], name: str) -> None:
    assert troubles[name], f"this gradio ({gr.__version__}) does not need gradio_patches/{name}.py any more"


def test_gradio_still_looks_into_its_queue_all_the_time() -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Button()
    assert page.queue()._queue.sleep_when_free < LOOK_EVERY / 2


def test_gradio_still_reckons_after_every_event_how_long_each_took() -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Button()
    queue = page.queue()._queue
    assert (queue.ANAYLTICS_CACHE_FREQUENCY, queue.ANALYTICS_MAX_EVENTS) == (1, 10_000)


def test_no_other_gradio_is_asked_for_than_the_one_that_is_tested() -> None:
    named = re.search(r"^gradio>=(\d+)\.(\d+),<(\d+)\.(\d+)$", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    assert named, "requirements.txt names one minor version of gradio"
    major, minor, until_major, until_minor = map(int, named.groups())
    assert gr.__version__.startswith(f"{major}.{minor}.")
    assert (until_major, until_minor) == (major, minor + 1)
    assert f"\nsdk_version: {gr.__version__}\n" in (ROOT / "README.md").read_text("utf-8")  # what a Space installs
