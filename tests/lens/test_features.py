"""Statistics, products and similarity against slow loops in double precision, on the real network's maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from playground.images.convert import resize_picture, to_tensor
from playground.lens import products, similarity, statistics
from playground.networks.vgg import Vgg

Maps = tuple[dict[str, Tensor], dict[str, Tensor]]
LAYERS = ("conv1_1", "conv2_1", "conv4_1")


@pytest.fixture(scope="module")
def maps(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> Maps:
    """Of the photo and the painting, small."""
    with torch.no_grad():
        content_image, style_image = (network(to_tensor(resize_picture(picture, 96)), LAYERS) for picture in pictures)
    return content_image, style_image


def slow_gram(features: Tensor, channels: list[int]) -> list[list[float]]:
    values = features[0].double().tolist()
    cells = []
    for i in channels:
        row = []
        for j in channels:
            products = [
                a * b
                for line, other in zip(values[i], values[j], strict=True)
                for a, b in zip(line, other, strict=True)
            ]
            row.append(math.fsum(products) / len(products))
        cells.append(row)
    return cells


def test_statistics_are_those_of_a_slow_loop(maps: Maps) -> None:
    features = maps[0]["conv2_1"][:, :5]
    found, slow = statistics.layer_statistics(features), slow_gram(features, list(range(5)))
    values = features[0].double().flatten(1).tolist()
    means = [math.fsum(row) / len(row) for row in values]
    assert found.mean.tolist() == pytest.approx(means, rel=1e-12)
    assert found.gram.tolist() == [pytest.approx(row, rel=1e-12) for row in slow]
    covariance = [
        [
            math.fsum((a - mean) * (b - other) for a, b in zip(row, line, strict=True)) / len(row)
            for line, other in zip(values, means, strict=True)
        ]
        for row, mean in zip(values, means, strict=True)
    ]
    assert found.covariance.tolist() == [pytest.approx(row, rel=1e-8, abs=1e-9) for row in covariance]
    assert found.positions == features.shape[-1] * features.shape[-2]


def test_differences_are_relative_and_their_shares_add_up(maps: Maps) -> None:
    ours, theirs = ({name: statistics.layer_statistics(value) for name, value in each.items()} for each in maps)
    found = statistics.differences(ours, theirs)
    a, b = ours["conv1_1"].gram.ravel().tolist(), theirs["conv1_1"].gram.ravel().tolist()
    slow = math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / math.fsum(y * y for y in b)
    assert found["conv1_1"].gram == pytest.approx(slow, rel=1e-10)
    assert math.fsum(one.share for one in found.values()) == pytest.approx(1)
    assert found["conv1_1"].share == pytest.approx(slow / math.fsum(one.gram for one in found.values()))
    same = statistics.differences(ours, ours)
    assert all((one.gram, one.mean, one.covariance, one.share) == (0, 0, 0, 0) for one in same.values())


def matrix(given: products.Maps) -> np.ndarray:
    """The average of each two maps' product, as a page that has only these computes it."""
    rows = (given.levels * given.scales[:, None, None]).reshape(len(given.levels), -1)
    return np.asarray(rows @ rows.T / rows.shape[1])


def test_a_cell_is_the_average_of_two_maps_product(maps: Maps) -> None:
    features = maps[1]["conv1_1"]
    cells = products.block(features, [3, 40, 7])
    slow = slow_gram(features, [3, 40, 7])
    assert cells.tolist() == [pytest.approx(row, rel=1e-12) for row in slow]


@pytest.mark.parametrize("layer", LAYERS)
def test_eight_bits_give_a_cell_within_a_hundredth(maps: Maps, layer: str) -> None:
    content_image, style_image = (each[layer] for each in maps)
    channels = products.strongest_channels(content_image, style_image)
    exact = products.block(style_image, channels)
    approximate = matrix(products.maps_of(style_image, channels))
    strong = exact > 0.01 * exact.max()  # a cell near 0 is the rounding's
    assert np.abs(approximate - exact)[strong].max() <= 0.01 * exact.max()
    assert (np.abs(approximate / exact - 1)[strong] <= 0.01).mean() > 0.95


def test_scrambling_positions_leaves_every_cell(maps: Maps) -> None:
    features = maps[0]["conv2_1"]
    order = torch.randperm(features.shape[-2] * features.shape[-1], generator=torch.Generator().manual_seed(3))
    moved = features.flatten(2)[..., order].view_as(features)
    assert not torch.equal(moved, features)
    assert products.block(moved, [1, 2, 60]) == pytest.approx(products.block(features, [1, 2, 60]), rel=1e-12)


def test_channels_are_ranked_by_what_differs_without_the_frame(maps: Maps) -> None:
    content_image, style_image = (each["conv2_1"] for each in maps)
    framed = style_image.clone()
    framed[:, 9, 0], framed[:, 9, :, -1] = 1e4, 1e4  # a channel that fires on the frame alone
    assert products.strongest_channels(content_image, framed) == products.strongest_channels(content_image, style_image)
    louder = style_image.clone()
    louder[:, 9] += 1e3
    assert products.strongest_channels(content_image, louder)[0] == 9
    found = products.strongest_channels(content_image, style_image)
    every = list(range(content_image.shape[1]))
    assert len(set(found)) == 12
    assert products.block_fraction(content_image, style_image, every) == pytest.approx(1)
    others = [channel for channel in every if channel not in found][:12]
    assert products.block_fraction(content_image, style_image, found) > products.block_fraction(
        content_image, style_image, others
    )


def test_maps_without_anything_and_tiny_maps_do_no_harm() -> None:
    nothing = torch.zeros(1, 14, 3, 3)
    assert matrix(products.maps_of(nothing, [0, 1])).tolist() == [[0, 0], [0, 0]]
    assert products.strongest_channels(nothing, nothing) == list(range(12))
    assert products.block_fraction(nothing, nothing, [0]) == 0
    seen = similarity.echo([nothing, nothing])
    assert similarity.alike(seen, 0, 1, 1)[1].max() == 0


def test_an_echo_is_the_cosine_along_the_principal_directions(maps: Maps) -> None:
    both = [each["conv4_1"] for each in maps]
    seen = similarity.echo(both)
    rows = [features[0].flatten(1).T.double().numpy() for features in both]
    every = np.concatenate(rows) - np.concatenate(rows).mean(0)
    axes = np.linalg.svd(every, full_matrices=False)[2][: similarity.DIRECTIONS]
    along = every @ axes.T
    assert seen.kept == pytest.approx((along**2).sum() / (every**2).sum(), rel=1e-9)
    height, width = both[0].shape[-2:]
    spot, where = along[width + 2], similarity.alike(seen, 0, 1, 2)
    for place in (0, 5, height * width + 3, len(along) - 1):
        slow = math.fsum(a * b for a, b in zip(spot, along[place], strict=True))
        slow /= math.sqrt(math.fsum(a * a for a in spot) * math.fsum(b * b for b in along[place]))
        shown = np.concatenate([values.ravel() for values in where])[place]
        assert shown == pytest.approx(slow, abs=0.03)


def test_a_spot_is_most_like_itself(maps: Maps) -> None:
    for layer in LAYERS:
        both = [each[layer] for each in maps]
        seen = similarity.echo(both)
        assert 0.5 < seen.kept <= 1
        for row, column in ((0, 0), (1, 3), (3, 2)):
            cosines = similarity.alike(seen, 1, row, column)
            assert cosines[1][row, column] == pytest.approx(1)
            assert max(values.max() for values in cosines) <= 1 + 1e-12


def test_an_echo_says_where_nothing_is_alike() -> None:
    assert similarity.in_words([np.zeros((4, 4)), np.full((4, 4), 0.4)], ["the photo", "the painting"]) == (
        "Nothing else is like it."
    )
    half = np.array([[1.0, 0.9], [0.1, -1.0]])
    assert similarity.in_words([half, half - 1], ["the photo", "the painting"]) == "Like it: 50% of the photo."
