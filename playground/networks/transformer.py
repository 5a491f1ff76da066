"""The network that is trained once per style (arXiv 1603.08155), and the file it is kept in.

`training.py` trains it, `applying.py` paints with it. `load_model` also reads the two common layouts of other trainers,
converts them to this one, and never runs code from a file.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from playground.errors import PlaygroundError
from playground.networks.hrnet import pad_to_multiple
from playground.networks.vgg import TORCH_MEAN, TORCH_STD
from playground.recipe.model import PRESET_FOLDER
from playground.system.files import whole_file

SHIPPED_FOLDER = PRESET_FOLDER / "instant"
CARD_KEY = "playground"  # the metadata key of a model's file
THUMBNAIL = 128  # pixels, long side
LARGEST_FILE = 500_000_000


class ModelError(PlaygroundError):
    """A model's file that is not there, cannot be used, or cannot be written."""


class Layer(nn.Module):
    """[nearest ×2], reflection padding, convolution, [InstanceNorm with affine, [ReLU]]."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, up: bool = False, norm: bool = True,
        relu: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if norm else None
        self.up, self.relu, self.pad = up, relu, kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.conv(F.pad(x, [self.pad] * 4, mode="reflect"))
        if self.norm is not None:
            x = self.norm(x)
        return F.relu(x) if self.relu else x


class Residual(nn.Module):
    """x + two 3×3 layers; no ReLU after the second, nor after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Layer(channels, channels, 3), Layer(channels, channels, 3, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class TransformerNet(nn.Module):
    """Johnson et al.'s image transformation network with nearest upsampling and instance normalisation.

    Args:
        width: channels at full resolution; twice at half, four times at a quarter. 32 is the published network with
            1,679,235 parameters, 16 has 424,899 and is about three times as fast.
        blocks: residual blocks at a quarter of the size.
    """

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        self.down1 = Layer(3, width, 9)
        self.down2 = Layer(width, width * 2, 3, 2)
        self.down3 = Layer(width * 2, width * 4, 3, 2)
        self.residuals = nn.Sequential(*(Residual(width * 4) for _ in range(blocks)))
        self.up1 = Layer(width * 4, width * 2, 3, up=True)
        self.up2 = Layer(width * 2, width, 3, up=True)
        self.out = Layer(width, 3, 9, norm=False, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """N×3×H×W in torch's convention, at least 8 px a side, to the same size and convention, unbounded."""
        height, width = x.shape[-2:]
        x = self.down3(self.down2(self.down1(pad_to_multiple(x))))
        return self.out(self.up2(self.up1(self.residuals(x))))[..., :height, :width]


def new_network(width: int, blocks: int, seed: int) -> TransformerNet:
    """A network with first weights drawn from `seed`, the same on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TransformerNet(width, blocks)


# ---- the file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelCard:
    """What a model's file says about itself.

    Attributes:
        title: the style's name.
        steps: how long it was trained.
        recipe: the training recipe as plain data; empty for a model from elsewhere.
        curve: {step, evaluations, seconds, content, style, variation, total}, ...
        style: the style picture, small, as base64 JPEG; empty where it is unknown.
        style_sha256: of the style picture's pixels.
        photos: how many photographs it was trained on.
        command: the command line that trains it again.
        layout: whose names the file's tensors had.
    """

    title: str = ""
    steps: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    style: str = ""
    style_sha256: str = ""
    photos: int = 0
    command: str = ""
    layout: str = "playground"

    @property
    def thumbnail(self) -> Image.Image | None:
        """The style picture, at most 128 px; None where it is unknown or damaged."""
        try:
            data = io.BytesIO(base64.b64decode(self.style))
            return Image.open(data, formats=["JPEG"]).convert("RGB") if self.style else None
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class Model:
    """A trained network, in float32 and not to be trained further as it stands, and what is known about it."""

    network: TransformerNet
    card: ModelCard


def thumbnail(style: Image.Image) -> str:
    """A style picture, at most 128 px, as base64 JPEG."""
    small, data = style.copy(), io.BytesIO()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    small.save(data, "JPEG", quality=85)
    return base64.b64encode(data.getvalue()).decode("ascii")


def save_model(network: TransformerNet, card: ModelCard, path: Path, *, half: bool = False) -> None:
    """Write a model as safetensors, whole or not at all; `half` keeps 16 bits a weight.

    Raises:
        ModelError: it cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {name: value.detach().to("cpu", dtype).contiguous() for name, value in network.state_dict().items()}
    write_tensors(path, tensors, asdict(card))


def write_tensors(path: Path, tensors: dict[str, Tensor], card: Mapping[str, Any]) -> None:
    """A safetensors file with JSON beside the tensors, moved into place only when it lies on the disk as a whole.

    Raises:
        ModelError: it cannot be written.
    """
    data = save(tensors, {CARD_KEY: json.dumps(card, allow_nan=False)})
    try:
        with whole_file(path, sole=True) as unfinished:
            unfinished.write_bytes(data)
    except OSError as error:
        raise ModelError(
            f"{str(path)!r} could not be written ({error.strerror}): free some space or choose another folder."
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file and its JSON, empty where it has none.

    Raises:
        ModelError: the file is damaged or no safetensors file.
    """
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)
            card = json.loads((file.metadata() or {}).get(CARD_KEY, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path.name!r} is damaged or no safetensors file: train or download it again.") from error
    return tensors, card if isinstance(card, dict) else {}


def shipped_styles() -> dict[str, Path]:
    """The styles that come with the playground, ready to be applied: name to file."""
    return {path.stem: path for path in sorted(SHIPPED_FOLDER.glob("*.safetensors"))}


def load_model(name_or_path: str | os.PathLike[str], device: str = "cpu") -> Model:
    """A shipped style by name, or a file: this project's own, or one in a layout that is recognised.

    Recognised are the layouts of pytorch/examples (pictures in [0, 255]) and of eriklindernoren's trainer (pictures in
    torch's convention), as .safetensors, .pth, .pt or .model; the first's range is folded into its outer convolutions.

    Raises:
        ModelError: no such file, no such network, with the first key that does not fit.
    """
    path = shipped_styles().get(str(name_or_path)) or Path(name_or_path)
    if not path.is_file():
        known = ", ".join(shipped_styles())
        raise ModelError(
            f"there is no model {str(name_or_path)!r}; give a file" + (f", or one of {known}" if known else "")
        )
    if path.stat().st_size > LARGEST_FILE:
        raise ModelError(f"{path.name!r} is larger than {LARGEST_FILE // 10**6} MB, which no such network is")
    card: dict[str, Any] = {}
    if path.suffix == ".safetensors":
        tensors, card = read_tensors(path)
    else:
        tensors = _read_pickle(path)
    tensors, layout = _in_own_names(tensors, path.name)
    network = _network_for(tensors, path.name)
    if layout == "pytorch/examples":
        _fold_range(tensors)
    network.load_state_dict({name: value.float() for name, value in tensors.items()})
    return Model(network.to(device).eval().requires_grad_(False), _card_of(card, path.stem, layout))


def _card_of(stated: Mapping[str, Any], name: str, layout: str) -> ModelCard:
    """What a file states about itself, where it is of the expected kind: the file may come from anywhere."""
    usual = asdict(ModelCard())
    kept = {key: stated[key] for key, value in usual.items() if isinstance(stated.get(key), type(value))}
    return ModelCard(**{**kept, "title": kept.get("title") or name, "layout": layout})


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path.name!r} holds more than tensors, so it is not opened: save its state_dict alone."
        ) from error
    except Exception as error:  # a damaged archive may fail in any way
        raise ModelError(f"{path.name!r} is damaged or no model: download it again.") from error
    while isinstance(found, dict) and isinstance(inner := found.get("state_dict", found.get("model")), dict):
        found = inner
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ModelError(f"{path.name!r} is no state dict: it must hold tensors by name.")
    return {str(name): value for name, value in found.items()}


# ---- other layouts --------------------------------------------------------------------------------------------------


def _layers(blocks: int) -> Iterator[tuple[str, str, str]]:
    """Every layer's name here, in eriklindernoren's trainer, and its convolution's in pytorch/examples."""
    for i in (1, 2, 3):
        yield f"down{i}", f"model.{i - 1}", f"conv{i}"
    for i in range(blocks):
        for j, name in enumerate(("first", "second")):
            yield f"residuals.{i}.{name}", f"model.{i + 3}.block.{j}", f"res{i + 1}.conv{j + 1}"
    for i, name in enumerate(("up1", "up2", "out")):
        yield name, f"model.{blocks + 3 + i}", f"deconv{i + 1}"


def _examples_norm(conv: str) -> str:
    """pytorch/examples' name of the normalisation behind a convolution."""
    if conv.startswith("res"):
        return conv.replace("conv", "in")
    return f"in{int(conv[-1]) + (3 if conv.startswith('deconv') else 0)}"


def _names(blocks: int, layout: str) -> dict[str, str]:
    """This project's name of every tensor to the layout's."""
    names = {}
    for ours, linder, examples in _layers(blocks):
        for kind in ("weight", "bias"):
            conv, norm = {
                "playground": (f"{ours}.conv", f"{ours}.norm"),
                "eriklindernoren": (f"{linder}.block.1", f"{linder}.norm"),
                "pytorch/examples": (f"{examples}.conv2d", _examples_norm(examples)),
            }[layout]
            names[f"{ours}.conv.{kind}"] = f"{conv}.{kind}"
            if ours != "out":
                names[f"{ours}.norm.{kind}"] = f"{norm}.{kind}"
    return names


_FIRST_KEYS = {
    "playground": "down1.conv.weight",
    "eriklindernoren": "model.0.block.1.weight",
    "pytorch/examples": "conv1.conv2d.weight",
}
_RESIDUAL_KEYS = {
    "playground": "residuals.{}.first.conv.weight",
    "eriklindernoren": "model.{}.block.0.block.1.weight",
    "pytorch/examples": "res{}.conv1.conv2d.weight",
}
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of old InstanceNorms, which never used them


def _in_own_names(tensors: dict[str, Tensor], file: str) -> tuple[dict[str, Tensor], str]:
    """The tensors under this project's names, and the layout they were in."""
    tensors = {name.removeprefix("module."): value for name, value in tensors.items() if not name.endswith(_STATISTICS)}
    layout = next((layout for layout, key in _FIRST_KEYS.items() if key in tensors), None)
    if layout is None:
        first = next(iter(tensors), None)
        found = f"its first key is {first!r}" if first else "it is empty"
        raise ModelError(f"{file!r} is no style network in a layout that is known here: {found}.")
    start = {"playground": 0, "eriklindernoren": 3, "pytorch/examples": 1}[layout]
    blocks = 0
    while _RESIDUAL_KEYS[layout].format(start + blocks) in tensors:
        blocks += 1
    names = _names(blocks, layout)
    for theirs in names.values():
        if theirs not in tensors:
            raise ModelError(f"{file!r} looks like a model of {layout}, but has no {theirs!r}.")
    extra = next((name for name in tensors if name not in set(names.values())), None)
    if extra is not None:
        raise ModelError(f"{file!r} looks like a model of {layout}, but {extra!r} does not belong to one.")
    return {ours: tensors[theirs] for ours, theirs in names.items()}, layout


def _network_for(tensors: Mapping[str, Tensor], file: str) -> TransformerNet:
    """An empty network of the tensors' width and number of blocks, once every shape is known to fit."""
    first = tensors["down1.conv.weight"]
    width = first.shape[0] if first.ndim == 4 else 0
    if not 4 <= width <= 256:
        raise ModelError(f"{file!r} does not fit: its first convolution has the shape {tuple(first.shape)}.")
    blocks = sum(name.endswith("first.conv.weight") for name in tensors)
    with torch.random.fork_rng(devices=[]):
        network = TransformerNet(width, blocks)
    for name, value in network.state_dict().items():
        if value.shape != tensors[name].shape:
            raise ModelError(
                f"{file!r} does not fit: {name} has the shape {tuple(tensors[name].shape)}, not {tuple(value.shape)}."
            )
        if not tensors[name].is_floating_point() or not torch.isfinite(tensors[name]).all():
            raise ModelError(f"{file!r} is spoilt: {name} holds values that are not finite numbers.")
    return network


def _fold_range(tensors: dict[str, Tensor]) -> None:
    """Let a network for pictures in [0, 255] take and give torch's convention, exactly, by its outer convolutions.

    255·unit = 255·(std·x + mean), so the first weights take 255·std and its bias the rest; the output goes back alike.
    Exact at the edges too, since padding mirrors the picture instead of adding zeros.
    """
    mean, std = torch.tensor(TORCH_MEAN), torch.tensor(TORCH_STD)
    weight = tensors["down1.conv.weight"].float()
    tensors["down1.conv.bias"] = tensors["down1.conv.bias"] + (weight.sum((2, 3)) * mean * 255).sum(1)
    tensors["down1.conv.weight"] = weight * (255 * std).view(1, 3, 1, 1)
    tensors["out.conv.weight"] = tensors["out.conv.weight"].float() / (255 * std).view(3, 1, 1, 1)
    tensors["out.conv.bias"] = (tensors["out.conv.bias"].float() / 255 - mean) / std
