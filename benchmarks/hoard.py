"""`python -m benchmarks.hoard`: one person takes all that one can get of a server, and goes: what it holds before, at the
worst, and two minutes after.

Pages that never come back, streams, uploads, runs, branches, trainings, all under one cookie, by a program that asks again
when it is refused and leaves out what it does not need; app.py in a process of its own (visitors.py), on the loopback alone.
It needs Linux.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.load_lines import until
from benchmarks.parts import machine, say
from benchmarks.visitors import API, ROOT, Page, Server, connections, serving
from playground.service.run_folder import folder_bytes

GRACE, KEPT, FORGOTTEN = (
    15.0,
    30.0,
    10.0,
)  # seconds that runs go on unwatched here, and are remembered once they have ended
TRAINING, AFTER = 25.0, 120.0
PICTURE_MB = 2.0
GROWTH = 0.05
PATIENCE, ASK_AGAIN = 90.0, 2.0  # seconds to try for what is refused, and between two tries
SETTINGS: dict[str, Any] = {
    "grace_seconds": GRACE, "keep_seconds": KEPT, "runs_each": 32, "max_runs": 32, "max_iterations": 100_000,
    "training_seconds": TRAINING, "max_trainings": 4, "save_every": 2.0,
}  # fmt: skip


@dataclass(frozen=True)
class Held:
    """What a server holds at a moment; MiB."""

    memory: float
    threads: float
    files: float
    runs: float
    uploads: float

    @classmethod
    def by(cls, server: Server) -> Held:
        temporary = server.folder / "temporary"
        return cls(
            server.megabytes, server.threads, server.open_files, folder_bytes(server.runs) / 2**20,
            folder_bytes(temporary) / 2**20,
        )  # fmt: skip

    def worse(self, other: Held) -> Held:
        """The most of each."""
        return Held(*map(max, self.values, other.values))

    @property
    def values(self) -> tuple[float, ...]:
        return self.memory, self.threads, self.files, self.runs, self.uploads


class Watch:
    """Looks a few times a second what a server holds; the worst of it."""

    def __init__(self, server: Server) -> None:
        self.worst, self._server, self._over = Held.by(server), server, threading.Event()

    def look(self) -> None:
        while not self._over.wait(0.3):
            self.worst = self.worst.worse(Held.by(self._server))

    @classmethod
    @contextmanager
    def over(cls, server: Server) -> Iterator[Watch]:
        watch = cls(server)
        thread = threading.Thread(target=watch.look, daemon=True)
        thread.start()
        yield watch
        watch._over.set()
        thread.join()


async def phantoms(http: httpx.AsyncClient, page: Page, count: int) -> int:
    """Sessions that are named once and never listen; how many were let in."""
    direct = next(event for event in page.events.values() if event["queue"] is False and event["backend_fn"])
    let_in, gate = 0, asyncio.Semaphore(16)

    async def one() -> None:
        nonlocal let_in
        body = {"data": [None] * len(direct["inputs"]), "fn_index": direct["id"], "session_hash": secrets.token_hex(8)}
        async with gate:
            answer = await http.post(f"{API}/run/predict", json=body, headers=page._headers)
            let_in += answer.status_code < 429

    await asyncio.gather(*(one() for _ in range(count)))
    return let_in


async def streams(http: httpx.AsyncClient, page: Page, count: int) -> int:
    """Connections that are held open, each for a page of its own, and closed; how many there were. Who is refused waits."""
    opened = 0

    async def one() -> None:
        nonlocal opened
        async with http.stream("GET", f"{API}/heartbeat/{secrets.token_hex(8)}", headers=page._headers) as stream:
            if stream.status_code == 200:
                opened += 1
                async for _ in stream.aiter_raw():
                    pass

    held = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(2)
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    return opened


async def uploads(http: httpx.AsyncClient, page: Page, count: int) -> int:
    """Files that nothing is done with; how many were taken."""
    taken, data = 0, os.urandom(round(PICTURE_MB * 2**20))
    for number in range(count):
        sent = {"files": (f"{number}.png", data + str(number).encode(), "image/png")}
        taken += (await http.post(f"{API}/upload", files=sent, headers=page._headers)).status_code == 200
    return taken


class Hoarder(Page):
    """A page whose program follows its run and nothing else, so that one person's events are enough for thirty of them.

    The page's own script follows the run's moments too: of those, twenty-four take all the events that one person may have.
    """

    async def open(self) -> None:
        """Load the page, and from then on follow no moments."""
        await super().open()
        chart = self.ids["time-chart"]
        self.events = {
            id: event for id, event in self.events.items() if not (event["trigger_after"] and chart in event["outputs"])
        }

    async def insist(self, name: str) -> None:
        """Press something, again where the server refuses."""
        over = time.perf_counter() + PATIENCE
        while time.perf_counter() < over:
            refused = len(self.complaints)
            await self.press(name)
            if len(self.complaints) == refused:
                return
            await asyncio.sleep(ASK_AGAIN)

    @property
    def branched(self) -> bool:
        """Whether the run on its easel is a branch."""
        return "branched" in str(self.said.get("time-message", "")).lower()

    async def train(self, style: dict[str, Any]) -> None:
        """Press Train with as little as will do."""
        least = {"image_size": 64, "batch_size": 1, "width": 8, "steps": 100_000}
        self._values |= {self.ids[f"train-{name}"]: value for name, value in least.items()}
        self._values[self.ids["train-style"]] = style
        await self.insist("train")


async def pages(http: httpx.AsyncClient, cookie: str, count: int) -> list[Hoarder]:
    """So many pages of one person, each with a run."""
    opened = [Hoarder(http, cookie=cookie) for _ in range(count)]
    for page in opened:
        await page.open()
        page.fill(size=64, iterations=100_000)
    await asyncio.gather(*(page.insist("run") for page in opened))
    return opened


async def hoard(server: Server, scale: float, times: int) -> tuple[list[Held], list[str]]:
    """Before, and for each time the worst and two minutes after; and what was let in."""
    async with connections(server) as http:
        # What stays for good, such as networks that were read and pools of threads, is made by the first who do all this.
        say("a few first")
        await cycle(http, server, 0.1)
        await asyncio.sleep(KEPT + FORGOTTEN)
        held = [Held.by(server)]
        for _ in range(times):
            say("now all of it")
            with Watch.over(server) as watch:
                said = await cycle(http, server, scale)
            ended = time.perf_counter()
            say(f"all ended; {AFTER:.0f} s more")
            await asyncio.sleep(AFTER - (time.perf_counter() - ended))
            held += [watch.worst, Held.by(server)]
    assert server.health["status"] == "ok"
    return held, said


async def cycle(http: httpx.AsyncClient, server: Server, scale: float) -> list[str]:
    """One person takes all, goes, and all has ended; what was let in."""
    said, first = [], Page(http)
    await first.open()
    count = round(1000 * scale)
    said.append(f"{await phantoms(http, first, count)} of {count} sessions that never come back")
    count = round(230 * scale)
    said.append(f"{await streams(http, first, count)} of {count} streams")
    count = round(40 * scale)
    said.append(f"{await uploads(http, first, count)} of {count} uploads of {PICTURE_MB:.0f} MiB")
    count = round(30 * scale)
    opened = await pages(http, first.cookie, count)
    await until(lambda: all(page.step > 2 for page in opened), PATIENCE)
    said.append(f"{sum(page.step > 0 for page in opened)} of {count} runs")
    await asyncio.sleep(5)  # by when each has kept a moment
    await asyncio.gather(*(page.insist("branch") for page in opened))
    await until(lambda: all(page.branched for page in opened), PATIENCE)
    said.append(f"{sum(page.branched for page in opened)} of {count} branches")
    picture = {"files": ("a.jpg", (ROOT / "presets/styles/swirls.jpg").read_bytes())}
    (path,) = (await http.post(f"{API}/upload", files=picture, headers=first._headers)).json()
    style = {"path": path, "orig_name": "a.jpg", "meta": {"_type": "gradio.FileData"}}
    count = round(10 * scale)
    await asyncio.gather(*(page.train(style) for page in opened[:count]))

    def answers() -> list[str]:
        begun = ["begun" for page in opened if page.said.get("train") == "Training"]
        return begun + ["refused" for page in opened if page.said.get("train-message")]

    await until(lambda: len(answers()) >= count, PATIENCE)
    said.append(f"{answers().count('begun')} of {count} trainings, {answers().count('refused')} refused in words")
    await asyncio.sleep(5)
    for page in [first, *opened]:
        await page.close()
    await until(lambda: server.health["runs"] == 0, 90)
    await asyncio.sleep(TRAINING)  # which nobody need watch
    return said


def main(
    scale: Annotated[
        float, typer.Option(min=0.02, max=1, help="Of 1000 sessions, 230 streams, 40 uploads, 30 runs.")
    ] = 1.0,
    times: Annotated[
        int, typer.Option(min=1, max=5, help="How often, one after the other: a leak grows each time.")
    ] = 1,
) -> None:
    """Measure, print the table, and end with status 1 where the server does not come back to what it was."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **SETTINGS) as server:
        held, said = asyncio.run(hoard(server, scale, times))
        faults = server.log.count("Traceback")
    columns = ["before", *["worst", f"{AFTER:.0f} s after"] * times]
    table = Table("", *columns, title=machine("cpu")["processor"], title_justify="left")
    names = ("resident memory, MiB", "threads", "open files", "disk, runs, MiB", "disk, uploads, MiB")
    for name, *values in zip(names, *(each.values for each in held), strict=True):
        table.add_row(name, *(f"{value:.0f}" for value in values))
    console = Console(width=110)
    console.print(table)
    console.print("Let in: " + "; ".join(said) + f". Tracebacks in the log: {faults}.")
    before, after = held[0], held[-1]
    holds = after.memory <= before.memory * (1 + GROWTH) and after.threads <= before.threads + 2 and not faults
    raise typer.Exit(0 if holds and after.files <= before.files + 2 and after.runs <= before.runs + 1 else 1)


if __name__ == "__main__":
    typer.run(main)
