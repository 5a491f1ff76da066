"""Contours by the edge heads: against the same written out in double precision, and where a picture has an edge."""

from __future__ import annotations

import h5py
import numpy as np
import torch
import torch.nn.functional as F

from playground.networks import read
from playground.networks.catalogue import locate
from playground.networks.contours import contours
from tests.helpers.reference import caffe_input, forward


def square() -> torch.Tensor:
    image = torch.full((1, 3, 64, 96), 0.2)
    image[..., 16:48, 32:64] = 0.9
    return image


def test_contours_are_where_the_edges_are(hed: read.Weights) -> None:
    found = contours(square())
    assert found.shape == (64, 96)
    assert found[30, 32] > 0.5 > 0.1 > found[30, 10]


def test_heads_in_double_precision(hed: read.Weights) -> None:
    """Xie and Tu 2015: σ(Σ_k h_k·enlarged(w_k·F_k + b_k) + b)."""
    maps = forward(hed.tensors, caffe_input(square()))
    with h5py.File(locate("vgg16-hed"), "r") as file:
        total = np.full((64, 96), float(file["fuse/vars/1"][0]))
        for number, layer in enumerate(("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")):
            weights = file[f"dsn{number + 1}/vars/0"][0, 0, :, 0].astype(np.float64)
            side = np.einsum("c,chw->hw", weights, maps[layer][0].numpy()) + float(file[f"dsn{number + 1}/vars/1"][0])
            large = F.interpolate(torch.from_numpy(side)[None, None], size=(64, 96), mode="bilinear")[0, 0].numpy()
            total = total + float(file["fuse/vars/0"][0, 0, number, 0]) * large
    assert np.allclose(contours(square()).numpy(), 1 / (1 + np.exp(-total)), atol=2e-3)
