"""`python -m benchmarks.attackers ADDRESS`: one attacker of each kind at a server, each from an address of its own.

Started by load.py in a process of its own, beside a class, until its stdin ends. Every attacker has several requests under
way all the time, and says in the end, as JSON, how many were answered with what. It asks nothing but the server that it is given.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import secrets
import sys
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from PIL import Image

API = "/gradio_api"
AT_ONCE = 6  # requests of each attacker, as many as a browser makes
PAUSE = 0.02  # seconds between two of one line, so that the attackers' own process takes little of the machine
JSON = {"content-type": "application/json"}
Ask = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


def encoded(picture: Image.Image, **options: Any) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG", **options)
    return data.getvalue()


SMALL = encoded(Image.effect_noise((64, 64), 80).convert("RGB"))
BOMB = encoded(Image.new("RGB", (7000, 7000)), compress_level=9)  # 49 megapixels in some 150 kB
LISTS = b'{"data":[' + b"[]," * 1_300_000 + b'1],"fn_index":0,"session_hash":"a"}'
WORDS = json.dumps({"data": ["x" * 3_900_000], "fn_index": 0, "session_hash": "b"}).encode()
JOURNAL = json.dumps(
    {"journal": [{"evaluation": n, "key": "style_weight", "value": 2} for n in range(9_999)] + [{"key": "x"}]}
)


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(60):
            archive.writestr(f"{number}.png", BOMB)
    return packed.getvalue()


async def given(http: httpx.AsyncClient, data: bytes, name: str = "a.png") -> dict[str, Any]:
    """An uploaded file as a request names it."""
    answer = await http.post(f"{API}/upload", files={"files": (name, data, "image/png")})
    path = answer.json()[0] if answer.status_code == 200 else "none"
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


async def stylize(http: httpx.AsyncClient, data: list[Any]) -> httpx.Response:
    """A call of the endpoint that nobody listens to."""
    return await http.post(f"{API}/call/stylize", json={"data": data})


async def calls(http: httpx.AsyncClient, number: int) -> httpx.Response:
    picture = await given(http, SMALL)
    return await stylize(http, [picture, picture, "default", '{"size": 128, "iterations": 500}', False])


async def journals(http: httpx.AsyncClient, number: int) -> httpx.Response:
    picture = await given(http, SMALL)
    return await stylize(http, [picture, picture, "default", JOURNAL, False])


async def bombs(http: httpx.AsyncClient, number: int) -> httpx.Response:
    picture = await given(http, BOMB)
    return await stylize(http, [picture, picture, "default", '{"size": 128, "iterations": 500}', False])


async def bodies(http: httpx.AsyncClient, number: int) -> httpx.Response:
    body = (LISTS, WORDS)[number % 2]
    return await http.post(f"{API}/run/predict", content=body, headers=JSON)


async def phantoms(http: httpx.AsyncClient, number: int) -> httpx.Response:
    body = {"data": [None, None], "fn_index": 0, "session_hash": secrets.token_hex(8)}
    return await http.post(f"{API}/run/predict", json=body)


async def streams(http: httpx.AsyncClient, number: int) -> httpx.Response:
    async with http.stream("GET", f"{API}/heartbeat/{secrets.token_hex(8)}") as stream:
        if stream.status_code == 200:
            await asyncio.sleep(5)
        return stream


async def uploads(http: httpx.AsyncClient, number: int) -> httpx.Response:
    return await http.post(f"{API}/upload", files={"files": ("a.png", os.urandom(500_000), "image/png")})


_events: list[dict[str, Any]] = []


async def handlers(http: httpx.AsyncClient, number: int) -> httpx.Response:
    """Nonsense for the page's own handlers, each in its turn."""
    if not _events:
        _events.extend(event for event in (await http.get("/config")).json()["dependencies"] if event["backend_fn"])
    event = _events[number % len(_events)]
    data = [(None, "x", 10**400, {"a": [1]}, {"path": "/etc/passwd"})[number % 5]] * len(event["inputs"])
    body = json.dumps({"data": data, "fn_index": event["id"], "session_hash": secrets.token_hex(8)})
    where = "run/predict" if event["queue"] is False else "queue/join"
    return await http.post(f"{API}/{where}", content=body, headers=JSON)


async def zips(http: httpx.AsyncClient, number: int) -> httpx.Response:
    """Photographs to train on, every one of them a bomb."""
    if not _events:
        return await handlers(http, number)
    archive = await given(http, ZIP, "photos.zip")
    config = (await http.get("/config")).json()
    ids = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "train-photos"]
    event = next(e for e in _events if any(target[0] in ids for target in e["targets"]))
    data = [[archive] if id in ids else None for id in event["inputs"]]
    body = {"data": data, "fn_index": event["id"], "session_hash": secrets.token_hex(8)}
    return await http.post(f"{API}/queue/join", json=body)


ZIP = zipped()
KINDS: tuple[Ask, ...] = (calls, journals, bombs, bodies, phantoms, streams, uploads, handlers, zips)


async def attack(address: str, kind: Ask, place: int, over: asyncio.Event) -> Counter[str]:
    """One attacker until it is over; how often each status was the answer."""
    answers, lines = Counter[str](), AT_ONCE if kind is not streams else 100
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{place}", limits=httpx.Limits(max_connections=None))
    async with httpx.AsyncClient(base_url=address, transport=transport, timeout=60) as http:

        async def line() -> None:
            for number in itertools.count():
                if over.is_set():
                    return
                try:
                    answers[str((await kind(http, number)).status_code)] += 1
                except (httpx.HTTPError, ValueError) as error:
                    answers[type(error).__name__] += 1
                await asyncio.sleep(PAUSE)

        await asyncio.gather(*(line() for _ in range(lines)))
    return answers


async def main(address: str) -> dict[str, Counter[str]]:
    over = asyncio.Event()

    async def listen() -> None:
        await asyncio.to_thread(sys.stdin.read)
        over.set()

    ends = asyncio.create_task(listen())
    found = await asyncio.gather(*(attack(address, kind, 2 + n, over) for n, kind in enumerate(KINDS)))
    await ends
    return {kind.__name__: answers for kind, answers in zip(KINDS, found, strict=True)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))), flush=True)
