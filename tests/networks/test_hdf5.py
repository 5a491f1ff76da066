"""Keras files from strangers: nothing is followed, nothing large is read, and every refusal is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from playground.networks import hdf5, read
from playground.networks.catalogue import WeightsError
from playground.networks.read import Weights
from tests.helpers.networks import save_as_keras

KERNEL = "block3_conv1/block3_conv1/kernel:0"


@pytest.fixture
def path(hed: Weights, tmp_path: Path) -> Path:
    """A whole VGG16 as Keras writes it."""
    save_as_keras(hed, tmp_path / "net.h5")
    return tmp_path / "net.h5"


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        read.load(str(path))
    text = str(caught.value)
    assert text.startswith("net.h5 ")
    assert text.count("\n") == 0
    assert text.endswith(".")
    return text


def external_link(file: h5py.File) -> None:
    file[KERNEL] = h5py.ExternalLink("elsewhere.h5", "/kernel")


def soft_link(file: h5py.File) -> None:
    file[KERNEL] = h5py.SoftLink("/block3_conv2/block3_conv2/kernel:0")


def link_of_a_group(file: h5py.File) -> None:
    file["aside"] = h5py.ExternalLink("elsewhere.h5", "/")


@pytest.mark.parametrize("link", [external_link, soft_link, link_of_a_group])
def test_links_are_not_followed(path: Path, link: Callable[[h5py.File], None]) -> None:
    with h5py.File(path.with_name("elsewhere.h5"), "w") as other:
        other["kernel"] = np.zeros((3, 3, 128, 256), "float32")
    with h5py.File(path, "a") as file:
        del file[KERNEL]
        link(file)
    assert "links to other places" in refusal(path)


def test_other_files_are_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = path.with_name("secret")
    secret.write_bytes(bytes(4 * 9 * 128 * 256))
    with h5py.File(path, "a") as file:
        del file[KERNEL]
        file.create_dataset(KERNEL, (3, 3, 128, 256), "float32", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    assert "in other files" in refusal(path)
    with h5py.File(path, "a") as file:
        del file[KERNEL]
        layout = h5py.VirtualLayout((3, 3, 128, 256), "float32")
        layout[:] = h5py.VirtualSource(str(path.with_name("elsewhere.h5")), "kernel", (3, 3, 128, 256))
        file.create_virtual_dataset(KERNEL, layout)
    assert "in other files" in refusal(path)


def not_read(self: h5py.Dataset, _what: object) -> None:
    pytest.fail(f"{self.name} was read")


def replaced(path: Path, **how: object) -> None:
    with h5py.File(path, "a") as file:
        del file[KERNEL]
        file.create_dataset(KERNEL, **how)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"shape": (3, 3, 1 << 20, 1 << 20), "dtype": "float32", "chunks": (1, 1, 8, 8)}, "has the shape"),
        ({"shape": (3, 3, 2, 2), "maxshape": (None,) * 4, "chunks": (3, 3, 1 << 12, 1 << 12), "dtype": "float32"},
         "has the shape"),
        ({"shape": (3, 3, 128, 256), "dtype": "float32", "compression": "gzip"}, "is compressed inside"),
        ({"shape": (3, 3, 128, 256), "dtype": "float32", "compression": "lzf"}, "is compressed inside"),
        ({"shape": (3, 3, 128, 256), "dtype": "int8"}, "holds no numbers"),
        ({"shape": (3, 3), "dtype": h5py.string_dtype()}, "holds no numbers"),
        ({"dtype": "float32", "data": h5py.Empty("float32")}, "holds no numbers"),
        ({"shape": (3, 3, 128), "dtype": "float32"}, "conv3_1.weight has the shape"),
        ({"shape": (), "dtype": "float32"}, "conv3_1.weight has the shape"),
    ],
)  # fmt: skip
def test_what_is_no_kernel_is_refused(
    path: Path, how: dict[str, object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced(path, **how)
    if "conv3_1.weight" not in text:  # what is too large, or unpacks to anything, is never read
        original = h5py.Dataset.__getitem__
        monkeypatch.setattr(
            h5py.Dataset, "__getitem__", lambda self, key: (not_read if KERNEL in self.name else original)(self, key)
        )
    assert text in refusal(path)


def test_checksums_and_shuffling_change_nothing(path: Path, hed: Weights) -> None:
    kernel = hed.tensors["conv3_1.weight"].permute(2, 3, 1, 0).numpy()
    replaced(path, data=kernel, chunks=(3, 3, 64, 64), shuffle=True, fletcher32=True)
    assert torch.equal(read.load(str(path)).tensors["conv3_1.weight"], hed.tensors["conv3_1.weight"])


def test_endless_and_crowded_files_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(path, "a") as file:
        file.create_group("round")
        file["round/and"] = file["round"]  # a hard link to itself
    assert "holds more than any VGG16 or VGG19" in refusal(path)
    with h5py.File(path, "a") as file:
        del file["round"]
        file.create_group("/".join(["deep"] * 20))
    assert "holds more than any VGG16 or VGG19" in refusal(path)
    with h5py.File(path, "a") as file:
        del file["deep"]
    read.load(str(path))
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 50)
    assert "holds more than any VGG16 or VGG19" in refusal(path)  # 13 layers of two groups and two tensors


def test_one_network_at_a_time(path: Path, hed: Weights, tmp_path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["again/block3_conv1/kernel"] = np.zeros((3, 3, 128, 256), "float32")
    assert "holds conv3_1.weight twice" in refusal(path)
    path.unlink()
    save_as_keras(hed, path, "layers/{3}/vars/{2}", ("0", "1"))
    with h5py.File(path, "a") as file:
        file["other"] = file["layers"]
    assert "more than one VGG" in refusal(path)


def test_other_counts_of_convolutions_are_no_vgg(path: Path, hed: Weights) -> None:
    path.unlink()
    save_as_keras(hed, path, "layers/{3}/vars/{2}", ("0", "1"))
    with h5py.File(path, "a") as file:
        del file["layers/conv2d_12"]
    assert "no convolutions of a VGG16 or VGG19" in refusal(path)


def test_theano_s_order_is_told_by_the_file_s_own_shape(path: Path) -> None:
    with h5py.File(path, "a") as file:
        for key in [name for block in file.values() for name in (block.name,)]:
            del file[key]
        file["block1_conv1/block1_conv1_W:0"] = np.zeros((64, 3, 3, 3), "float32")
        file["block1_conv2/block1_conv2_W:0"] = np.zeros((64, 64, 3, 3), "float32")
    said = refusal(path)
    assert "has the shape (64, 3, 3, 3)" in said or "has the shape (64, 64, 3, 3)" in said
    assert "channels first as Theano orders them, which is not read" in said
