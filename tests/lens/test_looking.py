"""Pairs and Echo as a page is sent them: against slow loops, within what may be sent, and without a trace in any run."""

from __future__ import annotations

import base64
import json
import math
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture, to_tensor
from playground.lens import looking
from playground.lens.similarity import alike
from playground.networks.vgg import Vgg
from playground.web.components.lenses import echo_value, packed, pairs_value

PAIR = tuple[Image.Image, Image.Image]
MOST_PAIRS, MOST_ECHO = 220_000, 200_000  # bytes on the wire


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


@pytest.mark.parametrize("layer", ["conv1_1", "conv3_1", "conv4_1"])
def test_a_cell_that_a_page_can_work_out_is_that_of_a_slow_loop(network: Vgg, pictures: PAIR, layer: str) -> None:
    found = looking.pairs(*pictures, pictures[1], layer, network)
    small = resize_picture(pictures[0], found.side)
    with torch.no_grad():
        features = network(to_tensor(small), [layer])[layer][0].double()
    sent = pairs_value(found, (*pictures, pictures[1]), [layer])["pictures"]["photo"]
    width, height = sent["size"]
    levels = np.frombuffer(unpacked(sent["maps"]), np.uint8).reshape(12, height * width)
    strongest = max(max(row) for row in sent["cells"])
    for i, j in ((0, 0), (0, 1), (3, 7), (11, 11), (11, 2)):
        first, second = (features[found.channels[place]].flatten().tolist() for place in (i, j))
        slow = math.fsum(a * b for a, b in zip(first, second, strict=True)) / len(first)
        assert sent["cells"][i][j] == pytest.approx(slow, rel=1e-4)
        glow = [a * b for a, b in zip(levels[i].tolist(), levels[j].tolist(), strict=True)]
        average = math.fsum(glow) / len(glow) * sent["scales"][i] * sent["scales"][j]
        assert average == pytest.approx(slow, rel=0.01, abs=1e-3 * strongest)
    assert found.channels == looking.pairs(*pictures, None, layer, network).channels


@pytest.mark.parametrize("layer", ["conv1_1", "conv1_2", "conv2_1", "conv3_1", "conv4_3", "conv5_1"])
def test_what_is_sent_is_small_whatever_the_pictures(network: Vgg, layer: str) -> None:
    noise = np.random.default_rng(0)
    for shape in ((200, 200), (40, 300), (300, 180)):  # noise packs worst
        pictures = [Image.fromarray(noise.integers(0, 255, (*shape, 3), dtype=np.uint8)) for _ in range(3)]
        found = looking.pairs(pictures[0], pictures[1], pictures[2], layer, network)
        value = pairs_value(found, pictures, [layer])
        assert sum(len(part["maps"]) for part in value["pictures"].values()) <= MOST_PAIRS
        seen = looking.echo(pictures, layer, network)
        sent = echo_value(seen, pictures, network.layers, "vgg16")
        assert sum(len(part["vectors"]) for part in sent["pictures"].values()) <= MOST_ECHO


def test_another_picture_is_shown_in_the_same_channels(network: Vgg, pictures: PAIR) -> None:
    whole = looking.pairs(*pictures, pictures[1], "conv3_1", network)
    alone = looking.pairs(*pictures, None, "conv3_1", network)
    again = looking.beside(alone, pictures[1], network)
    assert whole.shown is not None
    assert again.cells.tolist() == whole.shown.cells.tolist() == whole.style.cells.tolist()
    assert (again.maps.levels == whole.shown.maps.levels).all()
    value = pairs_value(whole, (*pictures, pictures[1]), ["conv3_1"], only_shown=True)
    assert list(value["pictures"]) == ["shown"]
    json.dumps(value, allow_nan=False)


def test_a_pages_echo_finds_the_spot_itself_strongest(network: Vgg, pictures: PAIR) -> None:
    for layer in ("conv1_2", "conv4_2"):
        seen = looking.echo([*pictures, pictures[0]], layer, network)
        spot = alike(seen.echo, 0, 1, 2)
        assert spot[0][1, 2] == pytest.approx(1)
        assert max(values.max() for values in spot) <= 1 + 1e-12
        assert spot[2] == pytest.approx(spot[0])  # the same picture once more
        value = echo_value(seen, [*pictures, pictures[0]], network.layers, "vgg16")
        width, height = value["pictures"]["photo"]["size"]
        sent = np.frombuffer(unpacked(value["pictures"]["photo"]["vectors"]), np.int8)
        assert (sent.reshape(height, width, -1) == seen.echo.vectors[0]).all()


def test_shallow_layers_leave_positions_out_and_keep_what_each_sees(network: Vgg, pictures: PAIR) -> None:
    steps = {
        layer: looking.echo(pictures, layer, network).step for layer in ("conv1_1", "conv2_1", "conv3_1", "conv5_1")
    }
    assert steps == {"conv1_1": 4, "conv2_1": 2, "conv3_1": 1, "conv5_1": 1}


def test_a_layer_that_there_is_not_is_refused(network: Vgg, pictures: PAIR) -> None:
    for look in (
        lambda: looking.pairs(*pictures, None, "conv9_1", network),
        lambda: looking.echo(pictures, "x", network),
    ):
        with pytest.raises(PlaygroundError, match="no layer called"):
            look()


def test_packed_bytes_come_back() -> None:
    values = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    assert unpacked(packed(values[:, ::2])) == np.ascontiguousarray(values[:, ::2]).tobytes()
