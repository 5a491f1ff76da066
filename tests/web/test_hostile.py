"""About two hundred malformed uploads and calls against one server as app.py starts it: each is refused in words.

None reaches a traceback in an answer or in the log, none shows or leaves a file outside the uploads, nobody's run is
harmed, and the server paints afterwards.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import secrets
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from playground.networks import read
from tests.helpers.serving import serving

PASSWORD, CANARY = "correct horse", "sparrow-7f3a"
SMALL = {"size": 64, "iterations": 2}
JSON = {"content-type": "application/json"}
API = "/gradio_api"


class Target:
    """A server under attack, what surrounds it on the disk, and somebody's run that goes on meanwhile."""

    def __init__(self, address: str, folder: Path, log: Path) -> None:
        self.http = httpx.Client(base_url=address, timeout=10)
        self.folder, self.log_path, self.read_so_far = folder, log, 0
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
        lines, deadline = [], time.monotonic() + 20
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


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    data = io.BytesIO()
    picture.save(data, format, **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def target(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile")
    temporary, elsewhere, log = folder / "temporary", folder / "elsewhere", folder / "log.txt"
    temporary.mkdir()
    elsewhere.mkdir()
    for name in ("secret.png", "secret.json", "secret.safetensors"):
        (elsewhere / name).write_bytes(CANARY.encode() + encoded(Image.new("RGB", (64, 64)), "PNG"))
        os.utime(elsewhere / name, (0, 1))  # any reading would show in the first
    arguments = [
        "--profile",
        "classroom",
        "--host",
        "127.0.0.1",
        "--set",
        "upload_mb=1",
        "--set",
        "max_iterations=100000",
    ]
    environment = {"TMPDIR": str(temporary), "PLAYGROUND_ADMIN_PASSWORD": PASSWORD}
    with log.open("w") as stderr, serving(*arguments, stderr=stderr, **environment) as (_, address):
        yield Target(address, folder, log)


@pytest.fixture(scope="module")
def victim(target: Target) -> Iterator[Callable[[], int]]:
    """Somebody's run that goes on; gives its latest step."""
    steps, over = [0], threading.Event()
    body = {"data": [target.picture, target.picture, "default", json.dumps({"size": 64, "iterations": 100_000}), False]}
    id = target.http.post(f"{API}/call/stylize", json=body).json()["event_id"]

    def watch() -> None:
        address = f"{str(target.http.base_url).rstrip('/')}{API}/call/stylize/{id}"
        with httpx.stream("GET", address, timeout=60) as stream:
            for line in stream.iter_lines():
                if found := re.search(r'"step": ?(\d+)', line):
                    steps.append(int(found[1]))
                if over.is_set():
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    until(lambda: steps[-1] > 0)
    yield lambda: steps[-1]
    over.set()
    watcher.join(10)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def around(target: Target) -> set[str]:
    """Files near the uploads that are not the person's own, nor a run's."""
    found = (path.relative_to(target.folder) for path in target.folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "-uploads-" not in str(path) and path.name != "log.txt"}


@pytest.fixture(autouse=True)
def nothing_of_it_shows(target: Target, victim: Callable[[], int]) -> Iterator[None]:
    """The log says of every call no more than a line, and no file appears outside the uploads."""
    target.news()
    before = around(target)
    yield
    time.sleep(0.01)
    said = target.news()
    assert "Traceback" not in said, said
    assert "stumbled" not in said
    assert "ERROR" not in said
    assert around(target) <= before
    for path in (target.folder / "elsewhere").iterdir():
        assert path.stat().st_atime == 0, f"{path.name} was read"


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


# ---------------------------------------------------------------- pictures


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, pixels: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


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
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
PICTURES: dict[str, bytes] = {
    **{f"{format} cut at {share:.0%}": data[: int(len(data) * share)]
       for format, data in WHOLE.items() for share in (0.02, 0.5) if (format, share) != ("GIF", 0.5)},
    "empty": b"",
    "one byte": b"\x89",
    "nought": bytes(1000),
    "noise": secrets.token_bytes(1000),
    "html": b"<html><script>alert(1)</script>",
    "svg": SVG,
    "svg with a byte order mark": b"\xef\xbb\xbf" + SVG,
    "pdf": b"%PDF-1.7\n1 0 obj",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) run",
    "shell script": b"#!/bin/sh\nrm -rf /",
    "program": b"\x7fELF" + bytes(200),
    "pickle": PICKLE,
    "zip": zipped("a.png", WHOLE["PNG"]),
    "zip bomb": zipped("a.png", bytes(10_000_000)),
    "film": b"\x00\x00\x00\x20ftypisom" + bytes(200),
    "mvg": b"push graphic-context\nimage over 0,0 0,0 'url(http://127.0.0.1:9/)'\n",
    "xpm": b'/* XPM */\nstatic char *x[] = {"1000000 1000000 1 1"};',
    "png bomb, 3.6 gigapixels": png(60_000, 60_000, pixels=bytes(600_000)),
    "png with negative sides": png(0x7FFFFFFF, 0x7FFFFFFF),
    "png without a size": png(0, 0),
    "png with a text bomb alone": png(64, 64, chunk(b"zTXt", b"recipe\0\0" + zlib.compress(bytes(50_000_000)))),
    "png with a profile bomb alone": png(64, 64, chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(50_000_000)))),
    "gif bomb": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\0\0\0,\0\0\0\0" + struct.pack("<HH", 65_535, 65_535) + b"\0\x02\0;",
    "bmp bomb": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff bomb": b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHII", 256, 4, 1, 2**31 - 1) + struct.pack("<HHII", 257, 4, 1, 2**31 - 1) + bytes(4),
    "webp of nothing": b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff",
    "strip, one pixel high": encoded(Image.new("RGB", (20_000, 1)), "PNG"),
    "one pixel wide": encoded(Image.new("RGB", (1, 5_000)), "PNG"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_no_picture(target: Target, name: str) -> None:
    picture = target.given(PICTURES[name], f"{name}.png")
    refused(target.stylize(picture, target.picture, "default", json.dumps(SMALL), False), "picture|file|px|size")


def test_a_picture_beyond_the_limit_is_not_even_kept(target: Target) -> None:
    assert target.upload(bytes(2_000_000)).status_code == 413


@pytest.mark.parametrize(
    "name",
    ["../../elsewhere/x.png", "..\\..\\x.png", "/etc/cron.d/x", "..", ".", "", "a\0b.png", "x" * 5000 + ".png",
     "\u202egnp.exe", "-rf", "~/x.png", "%2e%2e%2fx.png", "file:///x.png", "con", "a/b/c/d.png", "\n\r.png"],
)  # fmt: skip
def test_a_file_name_leads_nowhere(target: Target, name: str) -> None:
    answer = target.upload(target.png, name)
    if answer.status_code == 200:
        (uploads,) = (target.folder / "temporary").glob("playground-uploads-*")
        for path in answer.json():
            assert Path(os.path.realpath(path)).is_relative_to(uploads.resolve())
            assert os.path.realpath(path) == path
    else:
        refused(f"{answer.status_code} {answer.text}")


# ---------------------------------------------------------------- settings


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


CHANGE = {"evaluation": 1, "key": "style_weight", "value": 2}
SETTINGS: list[str] = [
    "", "x", "[", "{", "null", "true", "3", '"size"', "[64]", deep(500), deep(50_000), "[" * 100_000, "\0", '{"size": 64,}',
    *(json.dumps({"size": value}) for value in (-1, 0, 1, 63, 513, 10**9, 10**400, 64.5, "big", None, [], {}, float("nan"), float("inf"))),
    *(json.dumps({"iterations": value}) for value in (-5, 0, 10**12, "many", 1.5, True and [1], float("-inf"))),
    *(json.dumps({"style_weight": value}) for value in (-1, "x", float("nan"), float("inf"), [1], {"a": 1})),
    *(json.dumps({"seed": value}) for value in (-1, 2**40, 0.5, "dice")),
    *(json.dumps({"network": value}) for value in ("/etc/passwd", "../../secret", "http://127.0.0.1:9/x", 5, None, ["vgg16-hed"], "vgg16-hed\0")),
    *(json.dumps({"style_layers": value}) for value in ({"conv9_9": 1}, {"conv1_1": -1}, {"conv1_1": "x"}, {"__class__": 1}, [], "conv1_1", {f"conv{n}": 1 for n in range(10_000)})),
    *(json.dumps({"optimizer": value}) for value in ("sgd", 3, None)),
    json.dumps({"__class__": "x"}), json.dumps({"sise": 64}), json.dumps({"x" * 10_000: 1}), json.dumps({"size": "6" * 100_000}),
    json.dumps({"journal": [CHANGE] * 100_000}), json.dumps({"journal": [{**CHANGE, "key": "network", "value": "/etc/passwd"}]}),
    json.dumps({"journal": [{**CHANGE, "key": "size", "value": 10**6}]}), json.dumps({"journal": "x"}), json.dumps({"journal": [1]}),
    json.dumps({"journal": [{**CHANGE, "evaluation": -1}]}), json.dumps({"journal": [{**CHANGE, "key": "iterations", "value": 10**9}]}),
    json.dumps({"plan": [{"size": 64, "iterations": 1}] * 100_000}), json.dumps({"plan": [{"size": 10**6, "iterations": 1}]}),
    json.dumps({"plan": [{"size": 64, "iterations": 10**9}]}), json.dumps({"plan": [{}]}), json.dumps({"plan": 5}),
    json.dumps({"lbfgs_history": 10**9}), json.dumps({"scales": 10**6}), json.dumps({"pyramid_levels": 10**6}),
    json.dumps({"seconds": -1}), json.dumps({"preview_rate": 10**6}), json.dumps({"style_size": 10**9}), json.dumps({"learning_rate": 0}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_settings_that_nobody_can_paint_with(target: Target, number: int) -> None:
    text = SETTINGS[number]
    if not text:
        text = " "
    refused(target.stylize(target.picture, target.picture, "default", text, False))


# ---------------------------------------------------------------- arguments of the endpoint


WRONG: dict[str, Callable[[Target], list[Any]]] = {
    "none at all": lambda t: [],
    "one": lambda t: [t.picture],
    "no content": lambda t: [None, t.picture, "default", "{}", False],
    "no style": lambda t: [t.picture, None, "default", "{}", False],
    "texts for pictures": lambda t: ["a.png", "b.png", "default", "{}", False],
    "numbers for pictures": lambda t: [1, 2, "default", "{}", False],
    "lists for pictures": lambda t: [[t.picture], [t.picture], "default", "{}", False],
    "true for pictures": lambda t: [True, True, "default", "{}", False],
    "an empty object": lambda t: [{}, {}, "default", "{}", False],
    "a path that is none": lambda t: [{"path": 5}, t.picture, "default", "{}", False],
    "a path of a list": lambda t: [{"path": ["/etc/passwd"]}, t.picture, "default", "{}", False],
    "a folder": lambda t: [
        {**t.picture, "path": os.path.dirname(t.picture["path"])},
        t.picture,
        "default",
        "{}",
        False,
    ],
    "a file that is gone": lambda t: [
        {**t.picture, "path": t.picture["path"] + "x"},
        t.picture,
        "default",
        "{}",
        False,
    ],
    "a picture in the text": lambda t: [
        {"path": None, "url": "data:image/png;base64,AAAA"},
        t.picture,
        "default",
        "{}",
        False,
    ],
    "no preset of that name": lambda t: [t.picture, t.picture, "../../secret", "{}", False],
    "a number for a preset": lambda t: [t.picture, t.picture, 5, "{}", False],
    "an object for a preset": lambda t: [t.picture, t.picture, {"a": 1}, "{}", False],
    "a preset of a training": lambda t: [t.picture, t.picture, "fast-1", "{}", False],
    "a long preset": lambda t: [t.picture, t.picture, "x" * 100_000, "{}", False],
    "an object for settings": lambda t: [t.picture, t.picture, "default", {"size": 10**6}, False],
    "a number for settings": lambda t: [t.picture, t.picture, "default", 5, False],
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments_of_another_kind(target: Target, name: str) -> None:
    refused(target.stylize(*WRONG[name](target)))


PATHS = [
    "/etc/passwd", "/proc/self/environ", "/dev/zero", "{elsewhere}/secret.png", "{uploads}/../../elsewhere/secret.png",
    "{uploads}/..%2f..%2felsewhere/secret.png", "file:///etc/passwd", "http://127.0.0.1:9/a.png", "https://example.invalid/a.png",
    "ftp://127.0.0.1/a", "//127.0.0.1/share/a.png", "\\\\127.0.0.1\\share", "~/.bashrc", ".", "", "-", "\0", "CON",
]  # fmt: skip


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_and_no_address_is_opened(target: Target, path: str, marked: bool) -> None:
    (uploads,) = (target.folder / "temporary").glob("playground-uploads-*")
    path = path.format(elsewhere=target.folder / "elsewhere", uploads=uploads)
    file: dict[str, Any] = {"path": path, "url": path} | ({"meta": {"_type": "gradio.FileData"}} if marked else {})
    refused(target.stylize(file, target.picture, "default", json.dumps(SMALL), False))
    refused(target.act("run", "click", content=file, set_size=64, set_iterations=2))


# ---------------------------------------------------------------- gradio's own addresses


GETS = [
    f"{API}/file=/etc/passwd", f"{API}/file={{elsewhere}}/secret.png", f"{API}/file={{uploads}}/../../elsewhere/secret.png",
    f"{API}/file=http://127.0.0.1:9/", f"{API}/file=https://example.invalid/x", f"{API}/file=%2Fetc%2Fpasswd", f"{API}/file=",
    f"{API}/file=app.py", f"{API}/file=.git/config", f"{API}/file={{uploads}}", f"{API}/file/etc/passwd", f"{API}/file=\u202e",
    f"{API}/proxy=http://127.0.0.1:9/", f"{API}/deep_link?session_hash=a", f"{API}/vibe-code", f"{API}/dev/reload",
    f"{API}/stream/a/b/0/playlist.m3u8", f"{API}/stream/a/b/0/x.ts", f"{API}/stream/a/b/0/playlist-file", f"{API}/runs",
    f"{API}/run-history/records", f"{API}/custom_component/x/client/y/../../z.js", f"{API}/call/stylize/forged",
    f"{API}/upload_progress?upload_id=forged", f"{API}/profiling/traces", "/monitoring", "/monitoring/summary", "/static/../../app.py",
    "/static/..%2f..%2fapp.py", "/assets/..%2f..%2f..%2fapp.py", "/svelte/..%2f..%2fapp.py", "/pwa_icon/0", "/admin", "/logout",
]  # fmt: skip


@pytest.mark.parametrize("path", GETS)
def test_addresses_that_give_nothing(target: Target, path: str) -> None:
    (uploads,) = (target.folder / "temporary").glob("playground-uploads-*")
    path = path.format(elsewhere=target.folder / "elsewhere", uploads=uploads)
    with target.http.stream("GET", path) as stream:
        text = next(stream.iter_text(), "")
    assert CANARY not in text
    assert "root:" not in text
    assert "Traceback" not in text
    assert "import " not in text
    if stream.status_code == 200 and path.startswith(f"{API}/call"):
        assert text == "" or "event: error" in text
    else:
        assert 400 <= stream.status_code < 500, (stream.status_code, text[:200])


BODIES: list[bytes] = [
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", deep(10_000).encode(), b"{}", b'{"data": null}', b'{"data": {}}',
    b'{"data": [], "fn_index": -1, "session_hash": "a"}', b'{"data": [], "fn_index": 99999, "session_hash": "a"}',
    b'{"data": [], "fn_index": 1e400, "session_hash": "a"}', b'{"data": [], "fn_index": "0", "session_hash": "a"}',
    b'{"data": [], "fn_index": 0, "session_hash": null}', b'{"data": [], "fn_index": 0, "session_hash": {"a": 1}}',
    b'{"data": [NaN], "fn_index": 0, "session_hash": "../../etc"}', b'{"data": [], "fn_index": 0, "trigger_id": 99999, "session_hash": "a"}',
]  # fmt: skip


@pytest.mark.parametrize("where", ["queue/join", "run/predict", "call/stylize", "call/v2/stylize"])
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_bodies_that_are_none(target: Target, where: str, number: int) -> None:
    answer = target.http.post(f"{API}/{where}", content=BODIES[number], headers=JSON)
    text = answer.text
    if answer.status_code == 200:  # it was let into the queue, and is refused there
        id, session = answer.json().get("event_id"), json.loads(BODIES[number]).get("session_hash")
        follow = f"call/stylize/{id}" if where.startswith("call") else f"queue/data?session_hash={session}"
        text = target.listen(follow)
    assert "Traceback" not in text
    assert 'File "' not in text
    assert answer.status_code < 500 or '"error"' in text, (answer.status_code, text[:300])


POSTS = [
    "cancel",
    "reset",
    "component_server",
    "vibe-edit",
    "stream/forged",
    "stream/forged/close",
    "process_recording",
    "upload",
]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"event_id": "forged", "session_hash": "forged", "fn_index": 0}'])
@pytest.mark.parametrize("where", POSTS)
def test_gradios_other_doors(target: Target, where: str, body: bytes) -> None:
    answer = target.http.post(f"{API}/{where}", content=body, headers=JSON)
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text


# ---------------------------------------------------------------- the page's own handlers


NONSENSE: dict[str, Any] = {
    "nothing": None, "words": "<script>alert(1)</script>", "huge": 10**400, "none": float("nan"), "infinite": float("inf"),
    "list": [[[]]], "object": {"a": {"b": 1}}, "file": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_for_every_handler_of_the_page(target: Target, name: str) -> None:
    nonsense = NONSENSE[name]
    for event in target.events:
        if event["backend_fn"] and event["api_name"] != "stylize":
            answer = target.fire(event, [nonsense] * len(event["inputs"]), secrets.token_hex(8), nonsense)
            assert "Traceback" not in answer, event["api_name"]
            assert CANARY not in answer
            assert "root:x" not in answer


RECIPES: dict[str, bytes] = {
    "no json": b"{", "another kind": b"[1, 2]", "deep": deep(50_000).encode(), "nan": b'{"style_weight": NaN}', "pickle": PICKLE,
    "an absurd plan": json.dumps({"plan": [{"size": 10**6, "iterations": 1}]}).encode(), "too large": json.dumps({"preset": "x" * 900_000}).encode(),
    "unknown settings": b'{"sise": 64}', "another kind of number": b'{"size": "big"}', "bytes": bytes(1000),
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_files(target: Target, name: str) -> None:
    refused(target.act("load-recipe", "upload", load_recipe=target.given(RECIPES[name], "recipe.json")))


HEADER = json.dumps({"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}).encode()
MODELS: dict[str, bytes] = {
    "pickle": PICKLE, "torch zip": zipped("archive/data.pkl", PICKLE), "empty": b"", "bytes": secrets.token_bytes(2000),
    "a long header": struct.pack("<Q", 2**60), "absurd shapes": struct.pack("<Q", len(HEADER)) + HEADER + bytes(4),
    "a picture": WHOLE["PNG"], "a bomb": zipped("x", bytes(10_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("name", MODELS)
def test_networks_that_people_bring(target: Target, name: str, suffix: str) -> None:
    given = target.given(MODELS[name], f"model{suffix}")
    refused(target.act("styles-open", "upload", styles_open=given), "network|file|model|style")
    assert not Path(CANARY).exists(), "a pickle was run"


@pytest.mark.parametrize(
    "told",
    [{"person": "x"}, {"run": "run 1"}, {"run": "1", "person": "../../x"}, {"key": "guess"}, {"person": 5, "run": [], "key": {}}, [], 5,
     {"run": "' OR 1=1 --", "person": "a" * 64}, {"person": "a" * 10_000}],
)  # fmt: skip
def test_who_guesses_sees_nobodys_run(target: Target, victim: Callable[[], int], told: Any) -> None:
    (opened,) = (
        event for event in target.events if "playground.told" in str(event["js"]) and len(event["outputs"]) > 50
    )
    session = secrets.token_hex(8)
    answer = target.fire(opened, [None, json.dumps(told)], session)
    assert not re.search(r"step \d+", answer)
    assert "teacher&#39;s key" not in answer
    assert "its runs go first" not in answer
    for button in ("pause", "stop", "branch"):
        target.act(button, "click", session=session)
    before = victim()
    until(lambda: victim() > before)


def test_nobody_stops_a_run_by_its_public_name(target: Target, victim: Callable[[], int]) -> None:
    for name in ("run 1", "run 2", ""):
        assert target.http.post("/admin/stop", data={"run": name, "proof": ""}).status_code == 401
    before = victim()
    until(lambda: victim() > before)


def test_afterwards_it_still_paints(target: Target, victim: Callable[[], int]) -> None:
    health = target.http.get("/health").json()
    assert (health["runs"], health["waiting"]) == (1, 0)
    answer = target.stylize(target.picture, target.picture, "default", json.dumps(SMALL), True)
    assert '"ended": "done"' in answer
