"""A server of one's own and people in front of it, all on this machine: what load.py lets loose on each other.

The server is app.py as it is started, in a process of its own. A `Page` speaks HTTP as the page's script does: it loads
the configuration, keeps a heartbeat, presses buttons, follows what each sets going, and fetches every preview.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
from gradio_client.utils import apply_diff

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0
API = "/gradio_api"


class Server:
    """app.py with the classroom's limits, on the loopback alone; its files lie below `folder`. Reads Linux's /proc.

    Args:
        settings: settings of the server other than the profile's.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder, self.runs = folder, folder / "runs"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        changed = {"runs_folder": self.runs, **settings}
        given = [f"--set={name}={value}" for name, value in changed.items()]
        others = ("PLAYGROUND_", "GRADIO_", "SPACE_")
        environment = {
            name: value
            for name, value in os.environ.items()
            if name == "PLAYGROUND_HOME" or not name.startswith(others)
        }
        temporary = folder / "temporary"
        temporary.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / "log.txt"
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "--classroom", "--host=127.0.0.1", f"--port={port}", *given],
                env={**environment, "TMPDIR": str(temporary), "NO_PROXY": "127.0.0.1"},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.began = time.perf_counter()
        self._wait()

    def _wait(self) -> None:
        while True:
            with suppress(httpx.HTTPError):
                httpx.get(f"{self.address}/health", timeout=5)
                return
            if self.process.poll() is not None or time.perf_counter() - self.began > START_SECONDS:
                raise RuntimeError(f"the server did not start: {self.log[-2000:]}")
            time.sleep(0.1)

    @property
    def health(self) -> dict[str, Any]:
        return httpx.get(f"{self.address}/health", timeout=60).json()

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8")

    def _status(self, name: str) -> int:
        found = re.search(
            rf"^{name}:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text("utf-8"), re.MULTILINE
        )
        assert found, name
        return int(found[1])

    @property
    def megabytes(self) -> float:
        """Resident memory now."""
        return self._status("VmRSS") / 1024

    @property
    def peak_megabytes(self) -> float:
        """The most resident memory so far."""
        return self._status("VmHWM") / 1024

    @property
    def cpu_seconds(self) -> float:
        """Of all cores together, so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Ask it to end."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[Server]:
    """A server for as long as it is needed; killed at the end if it does not go by itself."""
    server = Server(folder, **settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


def connections(server: Server) -> httpx.AsyncClient:
    """What many pages may share; each stream is a connection of its own."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    timeout = httpx.Timeout(120, read=None)
    return httpx.AsyncClient(base_url=server.address, timeout=timeout, limits=limits, cookies=no_cookies())


def no_cookies() -> CookieJar:
    """A jar that takes none, since pages that share connections have their own."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def said_by(answer: httpx.Response) -> dict[str, Any]:
    """An answer as data; a refusal in plain words as its `error`."""
    plain = answer.headers.get("content-type", "").startswith("text/plain")
    return {"error": answer.text} if plain else answer.json()


class Page:
    """One open page.

    Attributes:
        person, run, cookie: what the browser keeps: its secret, the id of the run that it showed last, and the server's.
        said: the latest value of every named component.
        steps: (moment, step) whenever the status named another step.
        complaints: errors that the server sent.
    """

    def __init__(self, http: httpx.AsyncClient, person: str = "", run: str = "", cookie: str = "") -> None:
        self.http, self.person, self.run = http, person or secrets.token_urlsafe(18), run
        self.cookie = cookie
        self.session = secrets.token_hex(8)
        self.said: dict[str, Any] = {}
        self.steps: list[tuple[float, int]] = []
        self.complaints: list[str] = []
        self.reading = asyncio.Event()  # cleared by whoever wants it to stop reading for a while
        self.reading.set()
        self._values: dict[int, Any] = {}
        self._pending: dict[str, tuple[dict[str, Any], list[Any]]] = {}  # events by id: what was fired, its outputs
        self._early: dict[str, list[dict[str, Any]]] = {}  # messages that overtook the answer to their own event
        self._tasks: set[asyncio.Task[None]] = set()
        self._stream: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- what a person does

    async def open(self) -> None:
        """Load the page, and let it do what it does when it is loaded."""
        if not self.cookie:
            page = await self.http.get("/")
            self.cookie = page.headers.get("set-cookie", "").partition(";")[0]
        config = (await self.http.get("/config", headers=self._headers)).json()
        self.events = {event["id"]: event for event in config["dependencies"]}
        self.names = {part["id"]: part["props"].get("elem_id") or "" for part in config["components"]}
        self.ids = {name: id for id, name in self.names.items() if name}
        self._values = {part["id"]: part["props"].get("value") for part in config["components"]}
        self._run_id = next(
            event["inputs"][0] for event in self.events.values() if "playground.keep" in str(event["js"])
        )
        self._task(self._heartbeat())
        loads = [event for event in self.events.values() if any(kind == "load" for _, kind in event["targets"])]
        await asyncio.gather(*map(self.fire, loads))

    async def press(self, name: str) -> None:
        """Click on something."""
        for event in self.events.values():
            if [self.ids[name], "click"] in event["targets"]:
                await self.fire(event)

    def fill(self, **settings: object) -> None:
        """Set controls of the Studio."""
        for name, value in settings.items():
            self._values[self.ids[f"set-{name}"]] = value

    async def choose(self, name: str, value: Any) -> None:
        """Choose one of several."""
        self._values[self.ids[name]] = value
        for event in self.events.values():
            if [self.ids[name], "input"] in event["targets"]:
                await self.fire(event)

    async def close(self) -> None:
        """Leave without a word, as a closed laptop does."""
        tasks = [task for task in (*self._tasks, self._stream, self._fetching) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _headers(self) -> dict[str, str]:
        return {"cookie": self.cookie} if self.cookie else {}

    @property
    def step(self) -> int:
        """That the status names; -1 before it names any."""
        return self.steps[-1][1] if self.steps else -1

    def pace(self, began: float, over: float) -> float:
        """Steps a second between the first and the last that it heard of in that time; 0 where it heard of none."""
        heard = [(at, step) for at, step in self.steps if began <= at <= over]
        (first, step), (last, later) = (heard[0], heard[-1]) if heard else ((0.0, 0), (0.0, 0))
        return (later - step) / (last - first) if last > first else 0.0

    def longest_silence(self, began: float, over: float) -> float:
        """The most seconds between two steps."""
        times = [began, *(at for at, _ in self.steps if began < at < over), over]
        return max(after - before for before, after in itertools.pairwise(times))

    # ---------------------------------------------------------------- what its script does

    async def fire(self, event: dict[str, Any]) -> None:
        data = [self._values.get(id) for id in event["inputs"]]
        if "playground.told" in str(event["js"]):
            told = {"person": self.person, "run": self.run, "key": "", "elsewhere": False}
            data = [json.dumps(told) if not self.names.get(id) and id != event["inputs"][0] else self._values.get(id)
                    for id in event["inputs"]]  # fmt: skip
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session, "event_data": None}
        if event["queue"] is False:
            answer = said_by(await self.http.post(f"{API}/run/predict", json=body, headers=self._headers))
            if "data" in answer:
                await self._take(event, answer["data"])
            else:
                self.complaints.append(str(answer.get("error", answer)))
            return
        answer = said_by(await self.http.post(f"{API}/queue/join", json=body, headers=self._headers))
        id = answer.get("event_id")
        if id is None:
            self.complaints.append(str(answer))
            return
        self._pending[id] = event, []
        for message in self._early.pop(id, []):
            await self._hear(message)
        if self._pending and (self._stream is None or self._stream.done()):
            self._stream = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while self._pending:
            address = f"{API}/queue/data?session_hash={self.session}"
            async with self.http.stream("GET", address, headers=self._headers) as stream:
                async for line in stream.aiter_lines():
                    await self.reading.wait()
                    if line.startswith("data:"):
                        await self._hear(json.loads(line[5:]))
                if stream.status_code != 200:
                    return

    async def _hear(self, message: dict[str, Any]) -> None:
        id = message.get("event_id")
        if id not in self._pending:
            if id:
                self._early.setdefault(id, []).append(message)
            return
        event, last = self._pending[id]
        kind, output = message["msg"], message.get("output") or {}
        if output.get("error"):
            self.complaints.append(str(output["error"]))
        if kind == "process_generating" and last:
            last[:] = [apply_diff(old, new) for old, new in zip(last, output["data"], strict=True)]
            await self._take(event, last)
        elif kind in ("process_generating", "process_completed") and output.get("data"):
            last[:] = output["data"]
            await self._take(event, last)
        if kind == "process_completed":
            del self._pending[id]
            self._go_on(event)

    async def _take(self, event: dict[str, Any], data: list[Any]) -> None:
        """Show what an event has put out."""
        for id, value in zip(event["outputs"], data, strict=False):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" not in value:
                    continue
                value = value["value"]
            new = self._values.get(id) != value
            self._values[id] = value
            if name := self.names.get(id):
                self.said[name] = value
            if id == self._run_id and value:
                self.run = value
            if name == "status" and (found := re.search(r"step (\d+)", str(value))) and int(found[1]) != self.step:
                self.steps.append((time.perf_counter(), int(found[1])))
            busy = self._fetching is not None and not self._fetching.done()
            if name == "preview" and new and not busy and isinstance(value, dict) and value.get("path"):
                self._fetching = asyncio.create_task(self._fetch(value["path"]))
        if event["queue"] is False:
            self._go_on(event)

    def _go_on(self, event: dict[str, Any]) -> None:
        for after in self.events.values():
            if after["trigger_after"] == event["id"] and after["backend_fn"]:
                self._task(self.fire(after))

    async def _fetch(self, path: str) -> None:
        with suppress(httpx.HTTPError):  # it may be gone by now, as in a browser
            await self.http.get(f"{API}/file={path}", headers=self._headers)

    async def _heartbeat(self) -> None:
        address = f"{API}/heartbeat/{self.session}"
        async with self.http.stream("GET", address, headers=self._headers) as stream:
            async for _ in stream.aiter_lines():
                pass

    def _task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
