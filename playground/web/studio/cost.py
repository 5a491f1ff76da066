"""What the run on show will cost, in a line under the Run button. Called by the Studio tab, which lets it follow every control."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.measure.estimate import estimate
from playground.measure.memory import too_large
from playground.recipe.model import Recipe
from playground.recipe.picture_limits import DPI
from playground.service.jobs import Jobs
from playground.system.memory import free_megabytes
from playground.web.components.format import duration, on_paper
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.words import decimal, say, translated

LONG = 300.0  # seconds
USUAL = (640, 480)  # where a picture is missing or cannot be read


def cost(
    jobs: Jobs, panel: SettingsPanel, session: Session, content: str | None, style: str | None, *values: Any
) -> tuple[str, Any]:
    """The line for these settings, and what stands on Run: a run of more than five minutes says so there.

    The line has seconds and megabytes, or that they will not fit and which size would; for a long run the setting that
    would shorten it. While a run goes on nothing is said: one forecast at a time.
    """
    if session.running() is not None:
        return "", gr.skip()
    run = gr.Button(say("run.run"))
    try:
        recipe = panel.assembled(session, values)
        sizes = _size(content), _size(style)
        warning = too_large(recipe, *sizes, free_megabytes(jobs.device), jobs.device)
        if warning:
            return f'<p class="message error">{escape(translated(warning))}</p>', run
        expected = estimate(recipe, *sizes, device=jobs.device)
        most = jobs.limits.max_seconds
        if expected.seconds > LONG:
            shorter = _shorter(recipe, sizes, jobs.device)
            if expected.seconds > most:
                shorter = f"{shorter} {say('cost.ended', time=duration(most))}"
            return f'<p class="message note long">{shorter}</p>', gr.Button(
                say("run.run_long", time=duration(min(expected.seconds, most)))
            )
    except PlaygroundError:
        return "", run  # the control's own line says what is wrong
    said = say(
        "cost.about" if expected.measured else "cost.perhaps",
        time=duration(expected.seconds), memory=decimal(f"{expected.megabytes / 1024:.1f}"),
    )  # fmt: skip
    paper = say("cost.paper", size=recipe.size, cm=on_paper(recipe.size), dpi=DPI)
    return f'<p class="hint">{said} {paper}</p>', run


def _shorter(recipe: Recipe, sizes: tuple[tuple[int, int], tuple[int, int]], device: str) -> str:
    """Which one setting would shorten a long run most, and to what."""
    ways = {
        say("cost.size", size=recipe.size // 2): {
            "size": recipe.size // 2, "smallest": min(recipe.smallest, max(48, recipe.size // 2))},
        say("cost.iterations", count=max(1, recipe.iterations // 4)): {"iterations": max(1, recipe.iterations // 4)},
    }  # fmt: skip
    found = {}
    for words, changes in ways.items():
        try:
            found[words] = estimate(recipe.changed(changes), *sizes, device=device).seconds
        except PlaygroundError:
            continue  # too small for this network
    if not found:
        return say("cost.long")
    words = min(found, key=lambda name: found[name])
    return say("cost.shorter", setting=words, time=duration(found[words]))


def _size(path: str | None) -> tuple[int, int]:
    """Width and height from a file's header; its pixels are judged at Run."""
    try:
        with Image.open(path or "") as picture:
            return picture.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return USUAL
