"""A server that is killed outright with four runs going on, and what the next one brings back.

Called by load.py. Only the bits of recovered pictures are compared within this process.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.load_lines import MOVES_SECONDS, PATIENCE, Line, at_most, leave, opened, until
from benchmarks.parts import say
from benchmarks.visitors import Page, Server, connections, serving
from playground.engine.checkpoints import Checkpoints
from playground.engine.run import Run
from playground.service import worker as worker_module
from playground.service.jobs import Jobs
from playground.service.limits import PROFILES
from playground.service.run_folder import RunFolder
from playground.service.store import Store


async def _until_killed(server: Server) -> dict[str, Page]:
    """Four runs that have come some way when the server is killed; their pages, by the runs' ids."""
    ways: list[dict[str, Any]] = [{}, {}, {"optimizer": "adam", "learning_rate": 0.02},
                                     {"optimizer": "adam", "learning_rate": 0.02}]  # fmt: skip
    async with connections(server) as http:
        pages = [await opened(http, **way) for way in ways]
        await asyncio.gather(*(page.press("run") for page in pages))
        await until(lambda: all(page.step > 40 and page.run for page in pages))
        server.kill()
        await leave(pages)
    return {page.run: page for page in pages}


def newest_checkpoints(runs: Path) -> dict[str, dict[str, Any]]:
    """The newest snapshot of every run in a store, by the run's id."""
    found = {}
    for path in runs.glob("server-*/run-*/meta.json"):
        snapshot = Checkpoints(RunFolder(path.parent).checkpoints, 10**12).newest()
        if snapshot is not None:
            found[json.loads(path.read_text("utf-8"))["id"]] = snapshot
    return found


async def _come_back(server: Server, pages: dict[str, Page]) -> int:
    """How many people see their own run go on after a reload."""
    async with connections(server) as http:
        again = [Page(http, page.person, page.run, page.cookie) for page in pages.values()]
        for page in again:
            await page.open()
        first = {page: page.step for page in again if await until(lambda page=page: page.step > 0)}  # type: ignore[misc]
        await until(lambda: all(page.step > first[page] for page in first), 2 * MOVES_SECONDS)
        seen = sum(page.step > first[page] and page.run in pages for page in first)
        await leave(again)
    return seen


def same_bits(runs: Path, snapshots: dict[str, dict[str, Any]]) -> int:
    """How many runs another server in this process goes on with from exactly the snapshot's picture."""
    taken: dict[object, list[torch.Tensor]] = {}

    class Spy(Run):
        def frames(self) -> Iterator[Any]:
            taken[self.control] = [parameter.detach().clone() for parameter in self.painting.canvas.parameters]
            return super().frames()

    worker_module.Run = Spy  # type: ignore[misc]
    try:
        jobs = Jobs("cpu", PROFILES["classroom"], store=Store(runs, 1000))
        found = jobs.recover()
        deadline = time.perf_counter() + PATIENCE
        while len(taken) < len(found) and time.perf_counter() < deadline:
            time.sleep(0.05)
        jobs.close()
    finally:
        worker_module.Run = Run  # type: ignore[misc]
    return sum(
        job.control in taken and all(map(torch.equal, taken[job.control], snapshots[job.id]["parameters"]))
        for job in found
        if job.id in snapshots
    )


def kill() -> list[Line]:
    """kill -9 with four runs going on, and the next server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder) as server:
            say("four runs, then kill -9")
            pages = asyncio.run(_until_killed(server))
            killed = time.perf_counter()
        snapshots = newest_checkpoints(server.runs)
        lost = [
            killed - next((at for at, step in page.steps if step > snapshots[run]["numbers"]["stage_step"]), killed)
            for run, page in pages.items()
            if run in snapshots
        ]
        shutil.copytree(server.runs, folder / "copy", ignore=shutil.ignore_patterns("*.lock", "lock"))
        with serving(folder) as later:
            back = asyncio.run(_come_back(later, pages))
            seconds = time.perf_counter() - later.began
        same = same_bits(folder / "copy", snapshots)
    return [
        Line("kill -9 with four runs going on: runs that are back on their pages", "4",
             f"{back} ({seconds:.0f} s after the start)", back == 4),
        at_most("what each had painted since its last moment", max(lost, default=float("inf")),
                PROFILES["classroom"].save_every, " s"),
        Line("pictures that are the last moment's, bit for bit", "4", f"{same}", same == 4),
    ]  # fmt: skip
