"""A trained network and its file: model card, reading, writing, the shipped styles.

Called by whoever trains, applies or shows a model. It also reads the two common layouts of other trainers, converts them to
this one, and never runs code from a file.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from playground.feedforward.card_text import read_card
from playground.feedforward.layouts import ModelError, fold_range, in_own_names
from playground.networks.transformer import TransformerNet
from playground.recipe.presets import PRESET_FOLDER
from playground.system.files import whole_file

SHIPPED_FOLDER = PRESET_FOLDER / "instant"
CARD_KEY = "playground"  # the metadata key of a model's file
THUMBNAIL = 128  # pixels, long side
MAX_TITLE, MAX_COMMAND = 200, 10_000  # characters
MODEL_SUFFIXES = frozenset({".safetensors", ".pth", ".pt", ".model"})
MAX_FILE_BYTES = 500_000_000


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
        ModelError: the file is damaged or no safetensors file, or its JSON is beyond every bound.
    """
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)
            text = (file.metadata() or {}).get(CARD_KEY, "{}")
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path.name!r} is damaged or no safetensors file: train or download it again.") from error
    return tensors, read_card(text, path.name)


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
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ModelError(f"{path.name!r} is larger than {MAX_FILE_BYTES // 10**6} MB, which no such network is")
    card: dict[str, Any] = {}
    if path.suffix == ".safetensors":
        tensors, card = read_tensors(path)
    else:
        tensors = _read_pickle(path)
    tensors, layout = in_own_names(tensors, path.name)
    network = _network_for(tensors, path.name)
    if layout == "pytorch/examples":
        fold_range(tensors)
    network.load_state_dict({name: value.float() for name, value in tensors.items()})
    return Model(network.to(device).eval().requires_grad_(False), _card_of(card, path.stem, layout))


def _card_of(stated: Mapping[str, Any], name: str, layout: str) -> ModelCard:
    """What a file states about itself, where it is of the expected kind: the file may come from anywhere."""
    usual = asdict(ModelCard())
    kept = {key: stated[key] for key, value in usual.items() if isinstance(stated.get(key), type(value))}
    kept |= {"title": (kept.get("title") or name)[:MAX_TITLE], "command": kept.get("command", "")[:MAX_COMMAND]}
    return ModelCard(**{**kept, "layout": layout})


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


def _network_for(tensors: Mapping[str, Tensor], file: str) -> TransformerNet:
    """An empty network of the tensors' width and number of blocks, once every shape is known to fit."""
    first = tensors["down1.conv.weight"]
    width = first.shape[0] if first.ndim == 4 else 0
    if not 4 <= width <= 256:
        raise ModelError(f"{file!r} does not fit: its first convolution has the shape {tuple(first.shape)}.")
    blocks = sum(name.endswith("first.conv.weight") for name in tensors)
    with torch.device("meta"):  # a file of a few kB may state shapes of many GB
        shapes = {name: value.shape for name, value in TransformerNet(width, blocks).state_dict().items()}
    if sum(shape.numel() for shape in shapes.values()) * 4 > MAX_FILE_BYTES:
        raise ModelError(
            f"{file!r} is a network of more than {MAX_FILE_BYTES // 10**6} MB, which none of this kind is."
        )
    for name, shape in shapes.items():
        if shape != tensors[name].shape:
            raise ModelError(
                f"{file!r} does not fit: {name} has the shape {tuple(tensors[name].shape)}, not {tuple(shape)}."
            )
        if not tensors[name].is_floating_point() or not torch.isfinite(tensors[name]).all():
            raise ModelError(f"{file!r} is spoilt: {name} holds values that are not finite numbers.")
    with torch.random.fork_rng(devices=[]):
        return TransformerNet(width, blocks)
