"""Many people who press Run in the same moment, in peace and under attack, and the lines of the table that tell of it.

Called by load.py.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.attackers import KINDS
from benchmarks.load_lines import ITERATIONS, MOVES_SECONDS, Line, at_least, at_most, leave, opened, until
from benchmarks.parts import say
from benchmarks.visitors import ROOT, Server, connections, serving

MIN_FAIRNESS, MAX_MEMORY = 0.7, 1.5
BEGINS_SECONDS, RUNS_OF_ATTACKERS = 8.0, 2  # those of `calls` and of `bombs`


@dataclass(frozen=True)
class Crowd:
    """What so many clients found, all of whom pressed Run in the same moment."""

    first_moves: list[float]  # seconds until each one's first step; infinite where none came
    paces: list[float]  # steps a second of each, between the moment when all had moved and the end
    seconds: float  # between the two
    peak_mb: float
    cpu: float  # seconds of all cores that the server took meanwhile
    client_fraction: float  # of one core, that the clients themselves took
    attackers: float  # cores that their process took
    elsewhere: float  # cores that were busy with none of all this
    complaints: list[str]

    @property
    def rate(self) -> float:
        return sum(self.paces)

    @property
    def cores(self) -> float:
        return self.cpu / self.seconds


async def _crowd(server: Server, clients: int, seconds: float, attacked: bool) -> Crowd:
    async with connections(server) as http:
        pages = [await opened(http) for _ in range(clients)]
        attackers = await besiege(server) if attacked else None
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(page.press("run") for page in pages))
        await until(lambda: all(page.step > 0 for page in pages), 6 * MOVES_SECONDS)
        moved, server_cpu = time.perf_counter(), server.cpu_seconds
        busy, theirs = busy_seconds(), cpu_of(attackers)
        await until(lambda: any(page.step >= ITERATIONS for page in pages), seconds)
        over = time.perf_counter()
        firsts = [next((at - began for at, step in page.steps if step > 0), float("inf")) for page in pages]
        paces = [page.pace(moved, over) for page in pages]
        server_cpu = server.cpu_seconds - server_cpu
        theirs, busy = cpu_of(attackers) - theirs, busy_seconds() - busy
        fraction = (time.process_time() - cpu) / (over - began)
        peak = server.peak_megabytes
        complaints = [complaint for page in pages for complaint in page.complaints]
        await leave(pages)
        if attackers is not None:
            say(await answers_to(attackers))
    seconds = over - moved
    elsewhere = max(0.0, (busy - server_cpu - theirs) / seconds - fraction)
    return Crowd(firsts, paces, seconds, peak, server_cpu, fraction, theirs / seconds, elsewhere, complaints)


def crowd(clients: int, seconds: float, *, attacked: bool = False, **settings: object) -> Crowd:
    """So many people at a server of their own, alone or with one attacker of each kind."""
    say(f"{clients} at a time, for {seconds:.0f} s{' under attack' if attacked else ''}")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **settings) as server:
        return asyncio.run(_crowd(server, clients, seconds, attacked))


def busy_seconds() -> float:
    """Processor time of everything on this machine, of all cores together, so far."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def cpu_of(process: asyncio.subprocess.Process | None) -> float:
    """Processor time of a process so far; 0 for none."""
    if process is None:
        return 0.0
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


async def besiege(server: Server) -> asyncio.subprocess.Process:
    """One attacker of each kind, who have begun before anybody else does."""
    command = [sys.executable, "-m", "benchmarks.attackers", server.address]
    pipe = asyncio.subprocess.PIPE
    attackers = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    await asyncio.sleep(BEGINS_SECONDS)
    return attackers


async def answers_to(attackers: asyncio.subprocess.Process) -> str:
    """How their requests were answered."""
    told, _ = await attackers.communicate(b"")  # which ends their stdin
    return told.decode().strip()


def attack(clients: int, seconds: float) -> Iterator[Line]:
    """A class in peace, then the same class with one attacker of each kind (attackers.py)."""
    peace, war = crowd(clients, seconds), crowd(clients, seconds, attacked=True)
    who = f"{clients} runs and {len(KINDS)} attackers"
    halves = [statistics.median(found.first_moves) for found in (war, peace)]
    told = f" (half of them {halves[0]:.1f} s; in peace {max(peace.first_moves):.1f} and {halves[1]:.1f} s)"
    yield at_most(f"{who}: the last one's first step", max(war.first_moves), MOVES_SECONDS, " s", told)
    # Everybody's fair part is the same of what the machine does in peace; of the attackers two have a run at all.
    everybody, runs, slowest = clients + len(KINDS), clients + RUNS_OF_ATTACKERS, min(war.paces)
    fair_part, of_runs = sum(peace.paces) / everybody, sum(peace.paces) / runs
    told = (
        f" ({slowest:.2f} of {fair_part:.2f} steps a second, {everybody} people; on average {war.rate / clients:.2f}; all"
        f" together {war.rate:.1f}, in peace {peace.rate:.1f}; {slowest / of_runs:.2f} of a run's part where {runs} have one;"
        f" in peace {min(peace.paces):.2f}; cores of server, attackers, clients, others: {war.cores:.2f},"
        f" {war.attackers:.2f}, {war.client_fraction:.2f}, {war.elsewhere:.2f}, in peace {peace.cores:.2f}, 0,"
        f" {peace.client_fraction:.2f}, {peace.elsewhere:.2f})"
    )
    yield at_least(f"{who}: the slowest honest one's pace, over its fair part", slowest / fair_part, MIN_FAIRNESS, told)
    yield at_most(f"{who}: peak memory, over that in peace", war.peak_mb / peace.peak_mb, MAX_MEMORY, "",
                  f" ({war.peak_mb:.0f} of {peace.peak_mb:.0f} MiB)")  # fmt: skip
    complaint = (war.complaints or ["none"])[0][:80]
    yield Line("nobody honest is told of a fault", "none", complaint, not war.complaints)
