"""Lines of the table that `benchmarks.load` prints, and the pages whose people it speaks of.

Called by load.py and load_restart.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.visitors import Page

SIZE, ITERATIONS = 128, 500  # as many as the classroom allows
MOVES_SECONDS = 10.0
PATIENCE = 120.0  # seconds for what must happen at some time


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    what: str
    asked: str
    measured: str
    holds: bool


def at_most(what: str, value: float, most: float, unit: str = "", detail: str = "") -> Line:
    return Line(what, f"≤ {most:.3g}{unit}", f"{value:.3g}{unit}{detail}", value <= most)


def at_least(what: str, value: float, least: float, detail: str = "") -> Line:
    return Line(what, f"≥ {least:.3g}", f"{value:.2f}{detail}", value >= least)


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Whether something came true within a time."""
    deadline = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def opened(http: httpx.AsyncClient, size: int = SIZE, iterations: int = ITERATIONS, **settings: Any) -> Page:
    """A page that has loaded, with its settings made."""
    page = Page(http)
    await page.open()
    page.fill(size=size, iterations=iterations, **settings)
    return page


async def leave(pages: list[Page]) -> None:
    await asyncio.gather(*(page.close() for page in pages))


def markdown(lines: list[Line], conditions: str) -> str:
    rows = [f"| {line.what} | {line.asked} | {line.measured} | {'yes' if line.holds else '**no**'} |" for line in lines]
    return "\n".join(["| what | asked | measured | holds |", "|---|---|---|---|", *rows, "", conditions, ""])
