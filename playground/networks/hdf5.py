"""The convolutions of a Keras file (.h5), as nobody vouches for the file: nothing is followed and nothing large is read.

Called by read.py. Understands four layouts: `block1_conv1/…/kernel` (`save_weights` before Keras 3, and whole models),
`…/conv2d_4/vars/0` (Keras 3's `.weights.h5`), `…block1_conv1/vars/0` (its first versions), and vgg16-hed's own. It must
not know what a convention or an architecture is good for, only how many convolutions each has.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from playground.networks.catalogue import LAYERS, WeightsError

MAX_OBJECTS = 5_000  # a whole VGG19 with its classifier and its optimiser's state has a few hundred
MAX_DEPTH = 12
MAX_VALUES = 9 * 512 * 512  # of the largest convolution
_CHECKSUM, _SHUFFLE = 3, 2  # HDF5's numbers of the filters that make nothing larger than it says

_HED_KEY = re.compile(r"block([1-5])/layers/conv2d(?:_(\d))?/vars/([01])")
_NAMED_KEY = re.compile(
    r"(?:.*/)?block([1-5])_conv([1-4])/(?:.*/)?(?:block\d_conv\d_)?(kernel|W|bias|b)(?:_\d+)?(?::0)?"
)
_NAMED_VARS_KEY = re.compile(r"(?:.*/)?block([1-5])_conv([1-4])/vars/([01])")
_COUNTED_KEY = re.compile(r"((?:.*/)?)conv2d(?:_(\d{1,2}))?/vars/([01])")
_OPTIMISERS = re.compile(r"optimizer(_weights)?/")


def read_hdf5(file: Path | io.BytesIO, name: str) -> dict[str, Any]:
    """Kernels (out, in, 3, 3) and biases under names such as "conv1_1.weight"; a kernel lies as (3, 3, in, out).

    Args:
        file: the file, or its contents.
        name: what it is called when it is refused.

    Raises:
        WeightsError: it links elsewhere, holds more than any VGG, or something larger than a convolution of one.
        OSError: it is no HDF5 file, or damaged.
    """
    named: dict[str, h5py.Dataset] = {}
    counted: dict[str, dict[int, dict[str, h5py.Dataset]]] = {}
    with h5py.File(file, "r") as opened:
        for key, dataset in _datasets(opened, name):
            if match := _COUNTED_KEY.fullmatch(key) if not _HED_KEY.fullmatch(key) else None:
                part = "weight" if match[3] == "0" else "bias"
                counted.setdefault(match[1], {}).setdefault(int(match[2] or 0), {})[part] = dataset
            elif (tensor := _name_of(key)) is not None:
                if tensor in named:
                    raise WeightsError(f"{name} holds {tensor} twice: save one VGG alone.")
                named[tensor] = dataset
        return {tensor: _values(dataset, name) for tensor, dataset in (named or _in_order(counted, name)).items()}


def _name_of(key: str) -> str | None:
    """The tensor that a path means by itself; None for what is no convolution's."""
    if hed := _HED_KEY.fullmatch(key):
        return f"conv{hed[1]}_{int(hed[2] or 0) + 1}.{'weight' if hed[3] == '0' else 'bias'}"
    if early := _NAMED_VARS_KEY.fullmatch(key):
        return f"conv{early[1]}_{early[2]}.{'weight' if early[3] == '0' else 'bias'}"
    if keras := _NAMED_KEY.fullmatch(key):
        return f"conv{keras[1]}_{keras[2]}.{'weight' if keras[3] in ('kernel', 'W') else 'bias'}"
    return None


def _in_order(counted: dict[str, dict[int, dict[str, h5py.Dataset]]], name: str) -> dict[str, h5py.Dataset]:
    """Convolutions that are only counted, conv2d, conv2d_1, …: as many as a VGG16 or a VGG19 has, in one group."""
    fitting = [
        (layers, group)
        for group in counted.values()
        for layers in LAYERS.values()
        if sorted(group) == list(range(len(layers)))
    ]
    if len(fitting) > 1:
        raise WeightsError(f"{name} holds more than one VGG: save one alone.")
    return {
        f"{layer}.{part}": dataset
        for layers, group in fitting
        for number, layer in enumerate(layers)
        for part, dataset in group[number].items()
    }


def _datasets(group: h5py.Group, name: str) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every dataset below `group` with its path, but for an optimiser's; hard links alone are followed."""
    seen = 0
    waiting: list[tuple[str, h5py.Group]] = [("", group)]
    while waiting:
        path, inner = waiting.pop()
        for part in inner:
            seen += 1
            key = f"{path}{part}"
            if seen > MAX_OBJECTS or key.count("/") > MAX_DEPTH:
                raise WeightsError(f"{name} holds more than any VGG16 or VGG19: choose a file of its weights alone.")
            if type(inner.get(part, getlink=True)) is not h5py.HardLink:
                raise WeightsError(
                    f"{name} links to other places ({part[:60]!r}), which are not followed: save the weights in one file."
                )
            item = inner.get(part)
            if isinstance(item, h5py.Group) and not _OPTIMISERS.match(f"{key}/"):
                waiting.append((f"{key}/", item))
            elif isinstance(item, h5py.Dataset):
                yield key, item


def _values(dataset: h5py.Dataset, name: str) -> torch.Tensor:
    """What a dataset holds, checked before anything is read; a kernel turned to (out, in, 3, 3)."""
    what = dataset.name.rpartition("/")[0].strip("/")[-60:] or name
    if dataset.is_virtual or dataset.external:
        raise WeightsError(f"{name} keeps {what} in other files, which are not followed: save the weights in one file.")
    if dataset.dtype.kind != "f" or dataset.shape is None:
        raise WeightsError(f"{name} is no VGG that can be used: {what} holds no numbers.")
    sizes = [math.prod(dataset.shape), math.prod(dataset.chunks or ())]  # a piece may be larger than the whole
    if max(sizes) > MAX_VALUES:
        raise WeightsError(f"{name} is no VGG that can be used: {what} has the shape {dataset.shape}.")
    plan = dataset.id.get_create_plist()
    if any(plan.get_filter(index)[0] not in (_CHECKSUM, _SHUFFLE) for index in range(plan.get_nfilters())):
        raise WeightsError(
            f"{name} is compressed inside, and may be of any size once unpacked: save it without (`h5repack -f NONE`)."
        )
    if dataset.ndim == 4 and dataset.shape[2:] == (3, 3) != dataset.shape[:2]:
        raise WeightsError(
            f"{name} is no VGG that can be used: {what} has the shape {dataset.shape}, with its channels first as Theano orders "
            "them, which is not read; choose a file in TensorFlow's order (tf_dim_ordering), whose kernels begin with 3, 3."
        )
    values = torch.from_numpy(np.asarray(dataset[()], "float32"))
    return values.permute(3, 2, 0, 1) if values.ndim == 4 else values
