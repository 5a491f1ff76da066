"""torchvision's own downloads, from a stand-in server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from playground.networks import catalogue, fetch, read
from playground.networks.catalogue import WeightsError
from playground.networks.read import Weights
from tests.helpers.networks import torchvision_names


class FileServer:
    """A loopback server of one file that can break off early and can ignore ranges."""

    def __init__(self, contents: bytes) -> None:
        self.contents, self.break_after, self.knows_ranges = contents, len(contents), True
        self.requested: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = int(self.headers["Range"][len("bytes=") : -1]) if outer.knows_ranges else 0
                outer.requested.append(start)
                if start >= len(outer.contents):
                    self.send_error(416)
                    return
                self.send_response(206 if outer.knows_ranges else 200)
                self.send_header("Content-Length", str(len(outer.contents) - start))
                self.end_headers()
                self.wfile.write(outer.contents[start : outer.break_after])

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/vgg.pth"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def vgg19_server(
    empty_home: Path, vgg19: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FileServer]:
    """`vgg19-imagenet` as a local server offers it: a stand-in file under torchvision's names, with its own hash."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    file = tmp_path / "server.pth"
    torch.save(torchvision_names(vgg19), file)
    server = FileServer(file.read_bytes())
    patch_url(monkeypatch, server.url)
    monkeypatch.setitem(catalogue.SHA256, "vgg19-imagenet", hashlib.sha256(server.contents).hexdigest()[:8])
    yield server
    server.server.shutdown()
    server.server.server_close()


def patch_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Point torchvision's VGG19 at another address."""
    from torchvision.models import VGG19_Weights  # slow to import

    published = VGG19_Weights.IMAGENET1K_V1
    monkeypatch.setattr(published, "_value_", replace(published.value, url=url))
    monkeypatch.setattr(fetch, "SOURCES", {("http", "127.0.0.1")})


def test_torchvision_download(vgg19_server: FileServer, empty_home: Path) -> None:
    lines: list[tuple[str, float | None]] = []
    path = fetch.fetch("vgg19-imagenet", lambda sentence, fraction: lines.append((sentence, fraction)))
    assert path == empty_home / "vgg19-dcbb9e9d.pth"
    assert path.read_bytes() == vgg19_server.contents
    assert lines[-1][0].startswith("Downloading vgg19-imagenet: ")
    assert lines[-1][1] == 1.0
    loaded = read.load("vgg19-imagenet")
    assert loaded.network == catalogue.NETWORKS["vgg19-imagenet"]
    assert loaded.network.convention == "torch"
    fetch.fetch("vgg19-imagenet")
    assert vgg19_server.requested == [0]


def test_an_interrupted_torchvision_download_goes_on(vgg19_server: FileServer, empty_home: Path) -> None:
    vgg19_server.break_after = 5_000_000
    with pytest.raises(WeightsError, match="the connection ended at 5 of"):
        fetch.fetch("vgg19-imagenet")
    assert not catalogue.is_available("vgg19-imagenet")
    vgg19_server.break_after = len(vgg19_server.contents)
    path = fetch.fetch("vgg19-imagenet")
    assert vgg19_server.requested == [0, 5_000_000]
    assert path.read_bytes() == vgg19_server.contents
    assert not list(empty_home.glob("*.part"))


def test_a_server_without_ranges_starts_again(vgg19_server: FileServer, empty_home: Path) -> None:
    empty_home.mkdir()
    (empty_home / "vgg19-dcbb9e9d.pth.part").write_bytes(b"x" * 1000)
    vgg19_server.knows_ranges = False
    assert fetch.fetch("vgg19-imagenet").read_bytes() == vgg19_server.contents


def test_a_download_interrupted_before_its_last_rename(vgg19_server: FileServer, empty_home: Path) -> None:
    empty_home.mkdir()
    (empty_home / "vgg19-dcbb9e9d.pth.part").write_bytes(vgg19_server.contents)
    assert fetch.fetch("vgg19-imagenet").read_bytes() == vgg19_server.contents


def test_a_wrong_torchvision_file_is_thrown_away(
    vgg19_server: FileServer, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.SHA256, "vgg19-imagenet", "dcbb9e9d")
    with pytest.raises(WeightsError, match="arrived damaged"):
        fetch.fetch("vgg19-imagenet")
    assert [path.name for path in empty_home.iterdir()] == ["vgg19-imagenet.lock"]


def test_no_connection_is_one_sentence(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    patch_url(monkeypatch, "http://127.0.0.1:9/vgg.pth")
    with pytest.raises(WeightsError, match=r"vgg19-imagenet could not be downloaded.*put the file vgg19-dcbb9e9d\.pth"):
        fetch.fetch("vgg19-imagenet")


def test_torch_homes_copy_counts(vgg19_server: FileServer, tmp_path: Path) -> None:
    hub = tmp_path / "torch" / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"
    hub.parent.mkdir(parents=True)
    hub.write_bytes(vgg19_server.contents)
    assert catalogue.find("vgg19-imagenet") == fetch.fetch("vgg19-imagenet") == hub
    assert vgg19_server.requested == []
    assert read.load("vgg19-imagenet").network.name == "vgg19-imagenet"


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "http://download.pytorch.org/vgg.pth", "https://download.pytorch.org.evil.example/vgg.pth",
     "ftp://127.0.0.1/a", "https://user@evil.example/vgg.pth"],
)  # fmt: skip
def test_a_network_comes_from_the_known_host_alone(empty_home: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(fetch, "_find_intact", lambda name: None)
    known = fetch.SOURCES
    patch_url(monkeypatch, url)
    monkeypatch.setattr(fetch, "SOURCES", known)
    with pytest.raises(WeightsError, match="networks are not fetched from"):
        fetch.fetch("vgg19-imagenet")
    assert not list(empty_home.glob("*.part"))


def test_a_redirection_elsewhere_is_not_followed(
    vgg19_server: FileServer, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://localhost:9/vgg.pth")
        handler.end_headers()

    monkeypatch.setattr(vgg19_server.server.RequestHandlerClass, "do_GET", elsewhere, raising=False)
    with pytest.raises(WeightsError, match="networks are not fetched from http://localhost"):
        fetch.fetch("vgg19-imagenet")
