"""`python -m benchmarks.load`: a class at one server, and all that may happen to it, as a table of asked and measured.

Everything goes through app.py in a process of its own and pages that speak HTTP (visitors.py), on the loopback alone;
only the bits of recovered pictures are compared within this process. Needs Linux, whose /proc tells of the server.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import httpx
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.parts import machine, say
from benchmarks.visitors import Page, Server, connections, no_cookies, serving
from playground.engine.checkpoints import Checkpoints
from playground.engine.run import Run
from playground.service import worker as worker_module
from playground.service.jobs import Jobs
from playground.service.limits import PROFILES
from playground.service.registry import KEEP
from playground.service.run_folder import RunFolder, folder_bytes
from playground.service.store import Store

SIZE, ITERATIONS = 128, 500  # as many as the classroom allows
MOVES_SECONDS = 10.0
MIN_SHARE, MIN_RATE, MAX_MEMORY, FLAT = 0.7, 0.9, 1.5, 0.05
RELOADS, STOPS, DISCONNECTS, RUNS = 50, 20, 10, 100
GRACE_SECONDS, AFTER_SECONDS = 15.0, 90.0  # what a closed page holds is forgotten after a minute
PATIENCE = 120.0  # seconds for what must happen at some time


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    what: str
    asked: str
    measured: str
    holds: bool


class Part(str, Enum):
    """What can be measured alone."""

    fair = "fair"
    rough = "rough"
    hundred = "hundred"
    kill = "kill"
    memory = "memory"


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


# ---------------------------------------------------------------- thirty people


@dataclass(frozen=True)
class Crowd:
    """What so many clients found, all of whom pressed Run in the same moment."""

    first_moves: list[float]  # seconds until each one's first step; infinite where none came
    paces: list[float]  # steps a second of each, between the moment when all had moved and the end
    seconds: float  # between the two
    peak_mb: float
    cpu: float  # seconds of all cores that the server took meanwhile
    client_share: float  # of one core, that the clients themselves took
    complaints: list[str]

    @property
    def rate(self) -> float:
        return sum(self.paces)

    @property
    def cores(self) -> float:
        return self.cpu / self.seconds


async def _crowd(server: Server, clients: int, seconds: float) -> Crowd:
    async with connections(server) as http:
        pages = [await opened(http) for _ in range(clients)]
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(page.press("run") for page in pages))
        await until(lambda: all(page.step > 0 for page in pages), 6 * MOVES_SECONDS)
        moved, server_cpu = time.perf_counter(), server.cpu_seconds
        await until(lambda: any(page.step >= ITERATIONS for page in pages), seconds)
        over = time.perf_counter()
        firsts = [next((at - began for at, step in page.steps if step > 0), float("inf")) for page in pages]
        paces = [page.pace(moved, over) for page in pages]
        server_cpu = server.cpu_seconds - server_cpu
        share = (time.process_time() - cpu) / (over - began)
        peak = server.peak_megabytes
        complaints = [complaint for page in pages for complaint in page.complaints]
        await leave(pages)
    return Crowd(firsts, paces, over - moved, peak, server_cpu, share, complaints)


def crowd(clients: int, seconds: float, **settings: object) -> Crowd:
    """So many people at a server of their own."""
    say(f"{clients} at a time, for {seconds:.0f} s")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **settings) as server:
        return asyncio.run(_crowd(server, clients, seconds))


def fair(clients: int, seconds: float, parts: set[Part]) -> Iterator[Line]:
    """Many people against one; the same two servers tell of speed and of memory."""
    alone, together = crowd(1, min(seconds, 20.0)), crowd(clients, seconds)
    if together.complaints:
        yield Line("nobody is told of a fault", "none", together.complaints[0][:80], False)
    if Part.fair in parts:
        who = f"{clients} runs at {SIZE} px"
        yield at_most(f"{who}: the last one's first step", max(together.first_moves), MOVES_SECONDS, " s")
        mean = sum(together.paces) / len(together.paces)
        told = f" ({min(together.paces):.2f} of {mean:.2f} steps a second)"
        yield at_least(f"{who}: the slowest one's share of its fair share", min(together.paces) / mean, MIN_SHARE, told)
        told = f" ({together.rate:.1f} of {alone.rate:.1f} a second, by {together.cores:.2f} and {alone.cores:.2f} cores; the clients took {together.client_share:.2f})"
        yield at_least(f"{who}: steps of all together, over a single run's", together.rate / alone.rate, MIN_RATE, told)
    if Part.memory in parts:
        told = f" ({together.peak_mb:.0f} of {alone.peak_mb:.0f} MiB)"
        ratio = together.peak_mb / alone.peak_mb
        yield at_most(f"{clients} runs: the server's peak memory, over a single run's", ratio, MAX_MEMORY, "", told)


# ---------------------------------------------------------------- people as they are


async def _slow(server: Server, seconds: float) -> Line:
    """Somebody who stops reading what the server sends, and then goes on."""
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
    transport = httpx.AsyncHTTPTransport(socket_options=small)
    async with httpx.AsyncClient(
        base_url=server.address, timeout=None, transport=transport, cookies=no_cookies()
    ) as http:
        page = await opened(http, iterations=100_000)
        await page.press("run")
        await until(lambda: page.step > 0)
        before = page.step
        page.reading.clear()
        await asyncio.sleep(seconds)
        page.reading.set()
        began = time.perf_counter()
        await until(lambda: page.step > before + 1, 2 * MOVES_SECONDS)
        line = at_most("a client that read nothing for a while: seconds until it sees its run again",
                       time.perf_counter() - began, MOVES_SECONDS, " s", f" (step {before} → {page.step})")  # fmt: skip
        await page.press("stop")
        await page.close()
    return line


async def _reloads(http: httpx.AsyncClient) -> Line:
    page = await opened(http, iterations=100_000)
    await page.press("run")
    await until(lambda: page.step > 0 and page.run)
    run, came_back, step = page.run, 0, page.step
    for _ in range(RELOADS):
        await page.close()
        page = Page(http, page.person, run, page.cookie)
        await page.open()
        came_back += await until(lambda page=page: page.step > 0 and page.run == run, MOVES_SECONDS)  # type: ignore[misc]
    seen = page.step
    await until(lambda: page.step > seen, MOVES_SECONDS)
    line = Line(f"{RELOADS} reloads: the same run comes back, and goes on", f"{RELOADS}",
                f"{came_back} (step {step} → {page.step})", came_back == RELOADS and page.step > step)  # fmt: skip
    await page.press("stop")
    await page.close()
    return line


async def _stops(http: httpx.AsyncClient) -> Line:
    page = await opened(http, iterations=100_000)
    runs = set()
    began = time.perf_counter()
    for number in range(STOPS):
        await page.press("run")
        await asyncio.sleep(max(0.0, began + (number + 0.7) * 10 / STOPS - time.perf_counter()))
        runs.add(page.run)
        await page.press("stop")
        await asyncio.sleep(max(0.0, began + (number + 1) * 10 / STOPS - time.perf_counter()))
    seconds = time.perf_counter() - began
    before = page.run
    await page.press("run")
    await until(lambda: page.run != before)
    page.steps.clear()
    moved = await until(lambda: page.step > 0, MOVES_SECONDS)
    line = Line(f"{STOPS} Stop and Run in {seconds:.0f} s: the last run paints", "yes",
                f"{'yes' if moved else 'no'} ({len(runs - {''})} runs were begun)", moved)  # fmt: skip
    await page.press("stop")
    await page.close()
    return line


async def _disconnects(http: httpx.AsyncClient) -> None:
    pages = [await opened(http, iterations=100_000) for _ in range(DISCONNECTS)]
    await asyncio.gather(*(page.press("run") for page in pages))
    await until(lambda: all(page.step > 0 for page in pages))
    await leave(pages)


async def _rough(server: Server) -> list[Line]:
    async with connections(server) as http:
        # What stays for good, such as pools of threads, is made by the first few; ended runs are remembered up to fifty.
        for _ in range(math.ceil(KEEP / DISCONNECTS)):
            await _disconnects(http)
        await until(lambda: server.health["runs"] == 0)
        others = [await opened(http, iterations=100_000) for _ in range(2)]
        await asyncio.gather(*(page.press("run") for page in others))
        await until(lambda: all(page.step > 20 for page in others))
        await asyncio.sleep(5)
        began, threads, files, megabytes = time.perf_counter(), server.threads, server.open_files, server.megabytes
        say("a slow client")
        lines = [await _slow(server, 15)]
        say(f"{RELOADS} reloads")
        lines.append(await _reloads(http))
        say(f"{STOPS} times Stop and Run")
        lines.append(await _stops(http))
        say(f"{DISCONNECTS} disconnects, and a minute")
        await _disconnects(http)
        await asyncio.sleep(AFTER_SECONDS)
        health = server.health
        over = time.perf_counter()
        told = f"{health['runs']} and {health['waiting']}"
        lines.append(
            Line(f"{AFTER_SECONDS:.0f} s later: runs going on, and waiting", "2 and 0", told, told == "2 and 0")
        )
        now = server.threads
        lines.append(Line("threads", f"≤ {threads}", f"{now}", now <= threads))
        now = server.open_files
        lines.append(Line("open files", f"≤ {files}", f"{now}", now <= files))
        more = server.megabytes / megabytes - 1
        lines.append(at_most("growth of resident memory", 100 * more, 100 * FLAT, " %", f" of {megabytes:.0f} MiB"))
        silence = max(page.longest_silence(began, over) for page in others)
        lines.append(at_most("two others' runs meanwhile: longest time without a step", silence, MOVES_SECONDS, " s"))
        fresh = [await opened(http, iterations=100_000) for _ in range(DISCONNECTS)]
        await asyncio.gather(*(page.press("run") for page in fresh))
        await until(lambda: all(page.step > 0 for page in fresh), 2 * MOVES_SECONDS)
        seated = sum(page.step > 0 for page in fresh)
        lines.append(
            Line("no seat is lost: runs that begin in those left", f"{DISCONNECTS}", f"{seated}", seated == DISCONNECTS)
        )
        complaints = [complaint for page in (*others, *fresh) for complaint in page.complaints]
        if "Traceback" in server.log:
            say(server.log[-4000:])
            complaints.append("a traceback in the server's log")
        lines.append(Line("nobody is told of a fault", "none", (complaints or ["none"])[0][:80], not complaints))
        await leave([*others, *fresh])
    return lines


def rough() -> list[Line]:
    """A slow client, reloads, Stop and Run in haste, closed laptops; two others paint on."""
    settings = {"max_iterations": 100_000, "grace_seconds": GRACE_SECONDS, "max_runs": DISCONNECTS + 2}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **settings) as server:
        return asyncio.run(_rough(server))


# ---------------------------------------------------------------- a hundred runs in a row


async def _hundred(server: Server, runs: int, disk_mb: float) -> list[Line]:
    megabytes, files, disk = [], [], 0.0
    async with connections(server) as http:
        for number in range(1, runs + 1):
            page = await opened(http, iterations=10)
            await page.press("run")
            if not await until(lambda page=page: page.said.get("summary")):  # type: ignore[misc]
                return [Line(f"{runs} runs in a row", "all end", f"run {number}: {page.said.get('status')}", False)]
            await page.close()
            disk = max(disk, folder_bytes(server.runs) / 2**20)
            if number % (runs // 10) == 0:
                await asyncio.sleep(0.5)
                megabytes.append(server.megabytes)
                files.append(server.open_files)
                say(f"{number} runs: {megabytes[-1]:.0f} MiB, {files[-1]} files, {disk:.1f} MiB on disk")
    # Fifty ended runs are remembered: until then memory grows by what they hold.
    early, late = sum(megabytes[5:7]) / 2, sum(megabytes[-2:]) / 2
    told = f" ({megabytes[0]:.0f}, {early:.0f} → {late:.0f} MiB)"
    return [
        at_most(f"{runs} runs in a row: growth of resident memory in the last third", 100 * (late / early - 1), 100 * FLAT, " %", told),
        at_most("growth of open files", 100 * (files[-1] / files[1] - 1), 100 * FLAT, " %", f" ({files[1]} → {files[-1]})"),
        at_most("their place on the disk", disk, disk_mb, " MiB"),
    ]  # fmt: skip


def hundred(runs: int = RUNS) -> list[Line]:
    """One run after another, each on a page of its own, with a disk's limit that they reach."""
    disk_mb = 20.0
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), disk_mb=disk_mb) as server:
        return asyncio.run(_hundred(server, runs, disk_mb))


# ---------------------------------------------------------------- kill -9


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


def newest_moments(runs: Path) -> dict[str, dict[str, Any]]:
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
        snapshots = newest_moments(server.runs)
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


# ---------------------------------------------------------------- the table


def markdown(lines: list[Line], conditions: str) -> str:
    rows = [f"| {line.what} | {line.asked} | {line.measured} | {'yes' if line.holds else '**no**'} |" for line in lines]
    return "\n".join(["| what | asked | measured | holds |", "|---|---|---|---|", *rows, "", conditions, ""])


def main(
    clients: Annotated[int, typer.Option(min=2, max=32, help="People at a time.")] = 30,
    seconds: Annotated[float, typer.Option(min=5, max=600, help="How long they paint together.")] = 75.0,
    only: Annotated[list[Part] | None, typer.Option(help="One part; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for load.md and load.json.")] = None,
) -> None:
    """Measure, print the table, and write it where it is wanted."""
    parts, lines, began = set(only or Part), list[Line](), time.perf_counter()
    here = machine("cpu")
    conditions = (
        f"{here['processor']}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, torch {here['torch']}."
    )
    if parts & {Part.fair, Part.memory}:
        lines += fair(clients, seconds, parts)
    for part, measure in ((Part.rough, rough), (Part.hundred, hundred), (Part.kill, kill)):
        if part in parts:
            lines += measure()
    table = Table("what", "asked", "measured", "holds", title=conditions, title_justify="left")
    for line in lines:
        table.add_row(line.what, line.asked, line.measured, "yes" if line.holds else "NO")
    Console(width=140).print(table)
    say(f"{time.perf_counter() - began:.0f} s")
    if output:
        output.mkdir(parents=True, exist_ok=True)
        (output / "load.md").write_text(markdown(lines, conditions), "utf-8")
        told = {"machine": here, "lines": [asdict(line) for line in lines]}
        (output / "load.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    raise typer.Exit(0 if all(line.holds for line in lines) else 1)


if __name__ == "__main__":
    typer.run(main)
