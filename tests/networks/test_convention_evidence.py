"""In which convention a network was trained: what each witness says, and that nothing is said where they disagree."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from playground.measure.judge import load_judge
from playground.networks.any_painting import load_any_painting
from playground.networks.catalogue import is_available
from playground.networks.convention_evidence import by_colours, by_grey, grey_share, trained_in
from playground.networks.read import Weights
from tests.helpers.networks import in_torch


def with_biases(weights: Weights, times: float) -> Weights:
    tensors = {name: tensor * (times if name.endswith("bias") else 1) for name, tensor in weights.tensors.items()}
    return replace(weights, tensors=tensors)


def test_both_witnesses_know_a_network_of_each_convention(hed: Weights) -> None:
    assert (by_colours(hed), by_grey(hed)) == ("caffe", "caffe")
    port = in_torch(hed)
    assert (by_colours(port), by_grey(port)) == ("torch", "torch")
    assert grey_share(hed) > 1000 * grey_share(port)


def test_colours_tell_where_the_scale_does_not(hed: Weights) -> None:
    """As on a network that learnt torch's convention by itself, and whose biases matter there."""
    port = with_biases(in_torch(hed), 20)
    assert (by_grey(port), trained_in(port)) == ("", "torch")
    bare = with_biases(hed, 0)
    assert (by_grey(bare), trained_in(bare)) == ("", "caffe")


def test_where_they_disagree_or_neither_knows_nothing_is_said(hed: Weights) -> None:
    turned = in_torch(hed, biases=False)  # red first, on caffe's scale: no convention that there is a word for
    assert (by_colours(turned), by_grey(turned), trained_in(turned)) == ("torch", "caffe", "")
    kernel = hed.tensors["conv1_1.weight"]
    grey = replace(hed, tensors={**hed.tensors, "conv1_1.weight": kernel.mean(1, keepdim=True).expand_as(kernel)})
    assert by_colours(grey) == ""
    assert trained_in(with_biases(grey, 0)) == ""


@pytest.mark.parametrize("name", ["efficientnet-lite0", "any-painting"])
def test_blue_counts_for_less_in_other_networks_that_learnt_from_photographs(hed: Weights, name: str) -> None:
    """Theirs is the order that torch's convention has too."""
    if not is_available(name):
        pytest.skip(f"{name} is not on this machine")
    if name == "any-painting":
        predictor, transformer = load_any_painting()
        stems = [predictor.weights["Conv"][0], transformer.weights["contract/conv1"][0]]
    else:
        stems = [load_judge().weights["_conv_stem.weight"]]
    for stem in stems:
        assert by_colours(replace(hed, tensors={"conv1_1.weight": stem})) == "torch"
        assert by_colours(replace(hed, tensors={"conv1_1.weight": torch.flip(stem, [1])})) == "caffe"
