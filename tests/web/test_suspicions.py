"""What was suspected of the server and never measured: photographs that are bombs, endless GIFs, texts, names of sessions.

The whole page in this process, with a class's limits, painting on the real network.
"""

from __future__ import annotations

import io
import json
import secrets
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from playground.images.load import DECODING
from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.limits import PROFILES
from playground.web.people import MAX_NAME
from tests.helpers.callers import API, ENDLESS, SMALL, Caller, all_ended
from tests.helpers.images import encoded
from tests.helpers.waiting import until

SETTINGS = {"profile": "classroom", "host": "127.0.0.1"}
DISK_MB = 40.0  # of which photographs may take half


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", PROFILES["classroom"].model_copy(update={"disk_mb": DISK_MB}))
    yield jobs
    jobs.close()


@pytest.fixture(autouse=True)
def nothing_goes_on(jobs: Jobs) -> Iterator[None]:
    with all_ended(jobs):
        yield


class Trainer(Caller):
    """Somebody at the Train tab."""

    def gives(self, archive: bytes) -> str:
        """Give photographs; what the page answers."""
        (path,) = self.http.post(f"{API}/upload", files={"files": ("p.zip", archive, "application/zip")}).json()
        given = {"path": path, "orig_name": "p.zip", "meta": {"_type": "gradio.FileData"}}
        config = self.http.get("/config").json()
        ids = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "train-photos"]
        values = {part["id"]: part["props"].get("value") for part in config["components"]}
        event = next(e for e in config["dependencies"] if any(t[0] in ids for t in e["targets"]))
        session = secrets.token_hex(6)
        data = [[given] if id in ids else values[id] for id in event["inputs"]]
        body = {"data": data, "fn_index": event["id"], "session_hash": session}
        assert self.http.post(f"{API}/queue/join", json=body).status_code == 200
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if "process_completed" in line:
                    return line
        return ""


def zipped(data: bytes, count: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"{number}.png", data)
    return packed.getvalue()


def megabytes() -> float:
    return psutil.Process().memory_info().rss / 2**20


def paints(address: str, jobs: Jobs) -> None:
    """A second person's Run starts and paints."""
    second = Caller(address, opens=True)
    assert '"ended": "done"' in second.answer(second.call(SMALL))


def test_a_zip_that_unpacks_beyond_the_disks_part_is_refused_and_leaves_nothing(address: str, jobs: Jobs) -> None:
    photo = encoded(Image.new("RGB", (64, 64)), "PNG") + bytes(3_000_000)  # which a PNG may drag along
    trainer = Trainer(address, opens=True)
    assert "no room for more photographs" in trainer.gives(zipped(photo, 10))
    folders = jobs._folders
    folders.photo_space.take(folders.new().photos, 1)
    assert sum(folders.photo_space._taken.values()) == 1, "it was given back"
    paints(address, jobs)


def test_a_run_keeps_no_more_of_its_pictures_than_a_class_can_use(address: str, jobs: Jobs) -> None:
    second = Caller(address, opens=True)
    large = {"files": ("a.png", encoded(Image.new("RGB", (3000, 2000)), "PNG"), "image/png")}
    (second.picture["path"],) = second.http.post(f"{API}/upload", files=large).json()
    assert '"ended": "done"' in second.answer(second.call(SMALL))
    pictures = jobs.known()[-1].pictures
    assert pictures.content is not None
    assert [picture.size for picture in (pictures.content, pictures.style)] == [(2508, 1672)] * 2


@pytest.mark.slow  # half a minute of decoding
def test_sixty_photographs_that_are_bombs_hold_up_nobody(address: str, jobs: Jobs) -> None:
    bomb = encoded(Image.new("RGB", (6000, 4000)), "PNG")
    assert len(bomb) < 200_000
    before = megabytes()
    trainer = Trainer(address, opens=True)

    def give() -> None:
        with suppress(httpx.HTTPError):  # the test ends first, and hangs up
            trainer.gives(zipped(bomb, 60))

    giving = threading.Thread(target=give, daemon=True)
    giving.start()
    until(lambda: DECODING.taken_megabytes > 0)
    paints(address, jobs)
    assert giving.is_alive(), "that was meanwhile"
    assert megabytes() - before < 700, "a few are decoded at a time"


def test_a_gif_of_ten_thousand_frames_is_its_first(address: str) -> None:
    frame = Image.linear_gradient("L").resize((64, 64)).quantize(4)
    data = encoded(frame, "GIF")
    start = data.index(b"!") if b"!" in data[:900] else data.index(b",")
    caller = Caller(address)
    sent = {"files": ("a.gif", data[:-1] + data[start:-1] * 10_000 + b";", "image/gif")}
    (path,) = caller.http.post(f"{API}/upload", files=sent).json()
    caller.picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert '"ended": "done"' in caller.answer(caller.call(SMALL))


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_hundred_megabytes_of_text_in_a_picture_are_not_unpacked(address: str, kind: bytes) -> None:
    packed = zlib.compress(bytes(100_000_000))
    text = {b"zTXt": b"recipe\0\0", b"iTXt": b"recipe\0\1\0\0\0", b"iCCP": b"x\0\0"}[kind] + packed
    chunk = struct.pack(">I", len(text)) + kind + text + struct.pack(">I", zlib.crc32(kind + text))
    png, before = encoded(Image.effect_noise((64, 64), 80).convert("RGB"), "PNG"), megabytes()
    caller = Caller(address)
    sent = {"files": ("a.png", png[:33] + chunk + png[33:], "image/png")}
    (path,) = caller.http.post(f"{API}/upload", files=sent).json()
    caller.picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    said = caller.answer(caller.call(SMALL))
    assert '"ended": "done"' in said or "event: error" in said
    assert "Traceback" not in said
    assert megabytes() - before < 200


def test_names_of_sessions_that_no_page_has(address: str, jobs: Jobs) -> None:
    """Thousands of names of megabytes each could be left to be remembered."""
    me = Caller(address, opens=True)
    names: list[Any] = ["x" * (MAX_NAME + 1), "x" * 3_000_000]
    for name in names:
        answer = me.http.post(f"{API}/call/stylize", json={"data": [], "session_hash": name})
        assert (answer.status_code, "characters at most" in answer.text) == (400, True)
    for name in ("../../etc", "\u202e", "__class__", "a b", "0"):  # only names: nothing is looked up by them but a page
        answer = me.http.post(f"{API}/run/predict", json={"data": [], "fn_index": 0, "session_hash": name})
        assert answer.status_code < 500
    for kind in (5, None, {"a": 1}, ["x"], True):
        answer = me.http.post(f"{API}/run/predict", json={"data": [], "fn_index": 0, "session_hash": kind})
        assert answer.status_code < 500


def test_a_state_cannot_be_sent_along(address: str, jobs: Jobs) -> None:
    """What a request brings in a state's place is left out: the state is the server's own."""
    me = Caller(address, opens=True)
    job = jobs.going_on()
    config = me.http.get("/config").json()
    states = {part["id"] for part in config["components"] if part["type"] == "state"}
    for event in config["dependencies"]:
        if event["backend_fn"] and event["queue"] is False and states & set(event["inputs"]):
            data = [{"job": 1, "visitor": "someone"} if id in states else None for id in event["inputs"]]
            body = {"data": data, "fn_index": event["id"], "session_hash": secrets.token_hex(6)}
            answer = me.http.post(f"{API}/run/predict", json=body)
            assert answer.status_code < 500
            assert "Traceback" not in answer.text
    assert jobs.going_on() == job


def test_the_honest_start_while_bombs_are_decoded(address: str, jobs: Jobs) -> None:
    bomb = encoded(Image.new("RGB", (6000, 4000)), "PNG")
    attacker = Caller(address)
    (path,) = attacker.http.post(f"{API}/upload", files={"files": ("b.png", bomb, "image/png")}).json()
    attacker.picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    with httpx.Client(base_url=address) as other:
        for _ in range(8):
            attacker.call(ENDLESS)
        assert other.get("/health").status_code == 200
        assert json.loads(other.get("/health").text)["status"] == "ok"
    paints(address, jobs)
