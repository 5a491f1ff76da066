"""A class of simulated pages while all of them paint: an offer, two votes, the wall, a reload, a late joiner, no key.

Called by load.py. The pages ask `/class` every few seconds as the page's script does; the teacher's own page too.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.load_lines import MOVES_SECONDS, SIZE, Line, at_most, leave, opened, until
from benchmarks.parts import say
from benchmarks.visitors import Page, Server, connections, serving

KEY = "the key of a simulated teacher"
POLL_SECONDS, OFFER_SECONDS, QUIET_SECONDS = 4.0, 6.0, 12.0
MAX_MS = 10.0  # of the server's processor for one question


class Pupil:
    """An open page that asks how the class stands.

    Attributes:
        told: the latest answer's part about the class.
        heard: moments at which each version of it was first heard of.
        early: whether it was told votes before they were shown.
    """

    def __init__(self, page: Page, key: str = "") -> None:
        self.page, self.key = page, key
        self.told: dict[str, Any] = {}
        self.heard: dict[int, float] = {}
        self.asked, self.slowest, self.early = 0, 0.0, False

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": self.page.cookie, **({"x-teacher-key": self.key} if self.key else {})}

    async def look(self) -> None:
        began = time.perf_counter()
        answer = await self.page.http.get("/class", headers=self.headers)
        self.asked, self.slowest = self.asked + 1, max(self.slowest, time.perf_counter() - began)
        self.told = answer.json()["class"]
        self.heard.setdefault(self.told["version"], time.perf_counter())
        self.early |= bool(self.told["counts"]) and self.told["phase"] not in ("reveal", "run")

    async def follow(self) -> None:
        await asyncio.sleep(random.uniform(0, POLL_SECONDS))
        while True:
            await self.look()
            await asyncio.sleep(POLL_SECONDS)

    async def do(self, what: str, **more: Any) -> httpx.Response:
        return await self.page.http.post("/class", json={"do": what, **more}, headers=self.headers)

    async def vote(self, option: int) -> None:
        """Choose an option of the lesson that is open, as in the Lab."""
        await self.page.choose("lesson-options", option)

    async def goes(self) -> None:
        """Press the button in the head of the page."""
        await self.page.press("class-opened")


@asynccontextmanager
async def following(pupils: list[Pupil]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(pupil.follow()) for pupil in pupils]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _class(server: Server, clients: int) -> list[Line]:
    async with connections(server) as http:
        pupils = [Pupil(await opened(http)) for _ in range(clients)]
        teacher = Pupil(await opened(http), KEY)
        who = f"{clients} pages of a class"
        async with following([*pupils, teacher]):
            await asyncio.sleep(POLL_SECONDS)
            cpu, asked = server.cpu_seconds, sum(pupil.asked for pupil in pupils)
            await asyncio.sleep(QUIET_SECONDS)
            asked = sum(pupil.asked for pupil in pupils) - asked
            each = 1000 * (server.cpu_seconds - cpu) / max(1, asked)
            told = f" ({asked} questions in {QUIET_SECONDS:.0f} s, everything else of the idle server included)"
            lines = [at_most(f"{who}: the server's processor for one question", each, MAX_MS, " ms", told)]
            say("all paint")
            await asyncio.gather(*(pupil.page.press("run") for pupil in pupils))
            await until(lambda: all(pupil.page.step > 0 for pupil in pupils), 6 * MOVES_SECONDS)
            lines += await _lesson(pupils, teacher, http, who)
            lines += await _wall(pupils, teacher, who)
        complaints = [complaint for pupil in pupils for complaint in pupil.page.complaints]
        lines.append(Line("nobody is told of a fault", "none", (complaints or ["none"])[0][:80], not complaints))
        await leave([pupil.page for pupil in (*pupils, teacher)])
    return lines


async def _lesson(pupils: list[Pupil], teacher: Pupil, http: httpx.AsyncClient, who: str) -> list[Line]:
    refused = (await pupils[0].do("open", lesson="5")).status_code
    steps = [pupil.page.step for pupil in pupils]
    version = (await teacher.do("open", lesson="5")).json()["class"]["version"]
    began = time.perf_counter()
    await until(lambda: all(pupil.told.get("version", -1) >= version for pupil in pupils), 60)
    heard = [min(at for number, at in pupil.heard.items() if number >= version) - began for pupil in pupils]
    await asyncio.gather(*(pupil.goes() for pupil in pupils))
    await asyncio.gather(*(pupil.vote(index % 3) for index, pupil in enumerate(pupils)))
    late = Pupil(await opened(http))
    await late.look()
    first = pupils[0].page
    again = Pupil(Page(http, first.person, first.run, first.cookie))
    await again.page.open()
    await again.look()
    await teacher.look()
    voted = teacher.told["voted"]
    hidden = not any(pupil.early or pupil.told["counts"] for pupil in (*pupils, teacher, late))
    counts = (await teacher.do("move", phase="reveal")).json()["class"]["counts"]
    right = [sum(index % 3 == option for index in range(len(pupils))) for option in range(len(counts[0]))]
    await leave([late.page, again.page])
    await until(lambda: all(pupil.page.step > step for pupil, step in zip(pupils, steps, strict=True)), 60)
    moved = sum(pupil.page.step > step for pupil, step in zip(pupils, steps, strict=True))
    return [
        at_most(f"{who}, all of which paint at {SIZE} px: an offer reaches the last", max(heard), OFFER_SECONDS, " s",
                f" (mean {sum(heard) / len(heard):.1f}; the slowest answer {max(pupil.slowest for pupil in pupils):.2f} s)"),
        Line("no run is disturbed: runs that went on after it", f"{len(pupils)}", f"{moved}", moved == len(pupils)),
        Line("without the teacher's key nothing is pushed", "403", str(refused), refused == 403),
        Line("votes that are counted", f"{right}", f"{counts[0]} ({voted} had voted)", counts == [right]),
        Line("nobody sees them before they are shown", "nobody", "nobody" if hidden else "somebody", hidden),
        Line("a late joiner's phase", "vote", late.told["phase"], late.told["phase"] == "vote"),
        Line("a vote after a reload", "0", f"{again.told['vote']}", again.told["vote"] == 0),
    ]  # fmt: skip


async def _wall(pupils: list[Pupil], teacher: Pupil, who: str) -> list[Line]:
    await teacher.do("hang", on=True)
    await until(lambda: all(pupil.told["wall"] for pupil in pupils), 30)
    began = time.perf_counter()
    answer = await teacher.do("wall", have={})
    seconds, tiles = time.perf_counter() - began, answer.json()["tiles"]
    count = f"{len(tiles)}, {len(answer.content) / 1024:.0f} KiB"
    have = {str(tile["id"]): tile["version"] for tile in tiles}
    began = time.perf_counter()
    await teacher.do("wall", have=have)
    told = f" (the next look {time.perf_counter() - began:.2f} s)"
    return [
        Line("pictures on the wall", f"{len(pupils)}", count, len(tiles) == len(pupils)),
        at_most(f"{who}: the teacher's look at the whole wall", seconds, 2.0, " s", told),
    ]


def class_lines(clients: int) -> list[Line]:
    """So many pages, and a teacher's, at a server of their own."""
    say(f"a class of {clients}")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), teacher_key=KEY) as server:
        return asyncio.run(_class(server, clients))
