"""A server under attack, and what is thrown at it in several tests."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import secrets
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.helpers.images import encoded

PASSWORD, CANARY = "correct horse", "sparrow-7f3a"
SMALL = {"size": 64, "iterations": 2}
JSON = {"content-type": "application/json"}
API = "/gradio_api"


class Target:
    """A server under attack, what surrounds it on the disk, and somebody's run that goes on meanwhile."""

    def __init__(self, address: str, folder: Path, log: Path) -> None:
        self.http = httpx.Client(base_url=address, timeout=60)  # a lesson that nonsense begins is run to its end
        self.folder, self.log_path, self.read_so_far = folder, log, 0
        self.patience = 60.0  # seconds for a stream to answer
        config = self.http.get("/config").json()
        self.events = config["dependencies"]
        self.names = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
        self.values = {part["id"]: part["props"].get("value") for part in config["components"]}
        random = np.random.default_rng(0)
        pixels = random.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        self.png = encoded(Image.fromarray(pixels), "PNG")
        self.picture = self.given(self.png, "picture.png")

    def news(self) -> str:
        """What the server has logged since the last time."""
        text = self.log_path.read_text("utf-8")
        new, self.read_so_far = text[self.read_so_far :], len(text)
        return new

    def upload(self, data: bytes, name: str = "picture.png", kind: str = "image/png") -> httpx.Response:
        return self.http.post(f"{API}/upload", files={"files": (name, data, kind)})

    def given(self, data: bytes, name: str = "picture.png") -> dict[str, Any]:
        """An uploaded file as a request names it."""
        (path,) = self.upload(data, name).json()
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def listen(self, path: str) -> str:
        """A stream of events up to the one that answers."""
        lines, deadline = [], time.monotonic() + self.patience
        with self.http.stream("GET", f"{API}/{path}") as stream:
            for line in stream.iter_lines():
                lines.append(line)
                answered = any(word in line for word in ("process_completed", "unexpected_error", "close_stream"))
                assert time.monotonic() < deadline, lines
                if answered or (lines[-2:-1] and lines[-2] in ("event: error", "event: complete")):
                    break
        return "\n".join(lines)

    def stylize(self, *data: Any) -> str:
        """The whole answer to a call of the endpoint."""
        answer = self.http.post(f"{API}/call/stylize", content=json.dumps({"data": data}), headers=JSON)
        if answer.status_code != 200:
            return f"{answer.status_code} {answer.text}"
        return self.listen(f"call/stylize/{answer.json()['event_id']}")

    def event(self, name: str, kind: str) -> dict[str, Any]:
        ids = [id for id, known in self.names.items() if known == name]
        return next(event for event in self.events for id in ids if [id, kind] in event["targets"])

    def act(self, name: str, kind: str, *, session: str = "", event_data: Any = None, **values: Any) -> str:
        """Fire an event of the page with some inputs other than they are; the whole answer."""
        event = self.event(name, kind)
        data = [values.get(str(self.names.get(id)).replace("-", "_"), self.values.get(id)) for id in event["inputs"]]
        return self.fire(event, data, session or secrets.token_hex(8), event_data)

    def fire(self, event: dict[str, Any], data: list[Any], session: str, event_data: Any = None) -> str:
        body = {"data": data, "fn_index": event["id"], "session_hash": session, "event_data": event_data}
        where = "run/predict" if event["queue"] is False else "queue/join"
        answer = self.http.post(f"{API}/{where}", content=json.dumps(body), headers=JSON)
        if event["queue"] is False or answer.status_code != 200:
            return f"{answer.status_code} {answer.text}"
        return self.listen(f"queue/data?session_hash={session}")


def around(target: Target) -> set[str]:
    """Files near the uploads that are not the person's own, nor a run's."""
    found = (path.relative_to(target.folder) for path in target.folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "-uploads-" not in str(path) and path.name != "log.txt"}


def refused(answer: str, words: str = "") -> None:
    """The answer is one sentence that says why, and tells nothing of the server's inside or of its files."""
    assert "Traceback" not in answer
    assert 'File \\"' not in answer
    assert CANARY not in answer
    assert '"ended": "done"' not in answer
    code = re.match(r"(\d{3}) ", answer)
    in_words = "event: error" in answer or 'class=\\"message error\\"' in answer or '"error":"' in answer
    assert (code and code[1][0] == "4") or in_words, answer[:500]
    if "event: error" in answer:
        said = json.loads(answer.split("data: ")[-1])
        assert isinstance(said if isinstance(said, str) else said["error"], str), "no words"
    assert re.search(words, answer), answer[:500]


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


class Run:
    """What would run if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {CANARY}",)


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
WHOLE = {format: encoded(NOISE, format) for format in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")}
PICKLE = pickle.dumps(Run())
