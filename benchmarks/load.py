"""`python -m benchmarks.load`: a class at one server, and all that may happen to it, as a table of asked and measured.

Everything goes through app.py in a process of its own and pages that speak HTTP (visitors.py), on the loopback alone. It
needs Linux, whose /proc tells of the server.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.load_class import class_lines
from benchmarks.load_crowd import MAX_MEMORY, MIN_FAIRNESS, attack, crowd
from benchmarks.load_lines import (
    MOVES_SECONDS,
    SIZE,
    Line,
    at_least,
    at_most,
    leave,
    markdown,
    opened,
    until,
)
from benchmarks.load_restart import kill
from benchmarks.parts import machine, say
from benchmarks.visitors import Page, Server, connections, no_cookies, serving
from playground.service.deletion import KEEP
from playground.service.run_folder import folder_bytes

MIN_RATE, FLAT = 0.9, 0.05
RELOADS, STOPS, DISCONNECTS, RUNS = 50, 20, 10, 100
GRACE_SECONDS, AFTER_SECONDS = 15.0, 90.0  # what a closed page holds is forgotten after a minute


class Part(str, Enum):
    """What can be measured alone."""

    fair = "fair"
    rough = "rough"
    hundred = "hundred"
    kill = "kill"
    memory = "memory"
    attack = "attack"
    room = "class"


# ---------------------------------------------------------------- thirty people


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
        yield at_least(
            f"{who}: the slowest one's share of its fair share", min(together.paces) / mean, MIN_FAIRNESS, told
        )
        told = (
            f" ({together.rate:.1f} of {alone.rate:.1f} a second, by {together.cores:.2f} and {alone.cores:.2f} cores; "
            f"the clients took {together.client_fraction:.2f})"
        )
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
        at_most(
            f"{runs} runs in a row: growth of resident memory in the last third",
            100 * (late / early - 1), 100 * FLAT, " %", told,
        ),
        at_most("growth of open files", 100 * (files[-1] / files[1] - 1), 100 * FLAT, " %", f" ({files[1]} → {files[-1]})"),
        at_most("their place on the disk", disk, disk_mb, " MiB"),
    ]  # fmt: skip


def hundred(runs: int = RUNS) -> list[Line]:
    """One run after another, each on a page of its own, with a disk's limit that they reach."""
    disk_mb = 20.0
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), disk_mb=disk_mb) as server:
        return asyncio.run(_hundred(server, runs, disk_mb))


# ---------------------------------------------------------------- the table


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
    if Part.attack in parts:
        lines += attack(clients, seconds)
    if Part.room in parts:
        lines += class_lines(clients)
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
