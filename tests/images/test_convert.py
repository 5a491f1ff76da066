"""Sizes and tensors."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from playground.images.convert import (
    cut_box,
    cut_picture,
    cut_size,
    fit_size,
    resize_picture,
    to_array,
    to_picture,
    to_tensor,
)
from playground.recipe.model import Crop
from playground.recipe.picture_limits import MIN_SIDE
from tests.helpers.images import (
    close,
)


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000), long_side=st.integers(MIN_SIDE, 4096))
def test_fit_size_keeps_the_aspect_to_the_pixel(width: int, height: int, long_side: int) -> None:
    fitted = fit_size(width, height, long_side)
    assert max(fitted) == long_side
    assert min(fitted) >= MIN_SIDE
    assert fit_size(height, width, long_side) == fitted[::-1]
    short, expected = (fitted[1], height / width) if width >= height else (fitted[0], width / height)
    assert abs(short - expected * long_side) <= 0.5 or short == MIN_SIDE


def test_fit_size_examples() -> None:
    assert fit_size(512, 512, 256) == (256, 256)
    assert fit_size(640, 427, 384) == (384, 256)
    assert fit_size(1600, 100, 64) == (64, MIN_SIDE)
    assert fit_size(100, 50, 2048) == (2048, 1024)
    for wrong in ((0, 5, 64), (5, -1, 64), (5, 5, MIN_SIDE - 1)):
        with pytest.raises(ValueError, match="cannot fit"):
            fit_size(*wrong)


SHAPES = [shape for shape in get_args(Crop) if shape != "none"]


@given(width=st.integers(16, 5000), height=st.integers(16, 5000), shape=st.sampled_from(SHAPES))
def test_a_cut_is_the_largest_of_exactly_that_shape_in_the_middle(width: int, height: int, shape: str) -> None:
    across, down = map(int, shape.split(":"))
    kept = cut_size(width, height, shape)
    assert kept[0] * down == kept[1] * across
    assert kept[0] + across > width or kept[1] + down > height
    assert cut_size(*kept, shape) == kept
    left, top, right, bottom = cut_box(width, height, shape)
    assert (right - left, bottom - top) == kept
    assert 0 <= width - right - left <= 1
    assert 0 <= height - bottom - top <= 1
    # The exact shape gives the exact size, whatever the photo measures.
    for long_side in (224, 500):
        exact = fit_size(across * 1000, down * 1000, long_side)
        assert fit_size(*kept, long_side) == exact


def test_what_is_cut() -> None:
    assert cut_size(640, 427, "none") == (640, 427)
    assert fit_size(*cut_size(640, 427, "1:1"), 224) == (224, 224)
    assert fit_size(*cut_size(427, 640, "10:7"), 500) == (500, 350)
    assert cut_size(9, 30, "10:7") == (9, 6)  # too few pixels for the exact shape: as near as they allow
    columns = Image.fromarray(np.arange(12, dtype=np.uint8)[None].repeat(4, 0))
    assert np.asarray(cut_picture(columns, "1:1"))[0].tolist() == [4, 5, 6, 7]
    assert cut_picture(columns, "none") is columns
    once = cut_picture(columns, "3:2")
    assert cut_picture(once, "3:2") is once


def test_resize_picture_both_ways() -> None:
    y, x = np.mgrid[0:64, 0:96]
    ramp = np.dstack([x * 2, y * 3, x + y]).astype(np.uint8)
    picture = Image.fromarray(ramp)
    small = resize_picture(picture, 48)
    assert small.size == (48, 32)
    close(np.asarray(small).astype(int)[2:-2, 2:-2], ramp.reshape(32, 2, 48, 2, 3).mean((1, 3))[2:-2, 2:-2], 1)
    large = resize_picture(resize_picture(picture, 24), 96)
    assert large.size == (96, 64)
    close(np.asarray(large).astype(int)[12:-12, 12:-12], ramp[12:-12, 12:-12], 2)
    np.testing.assert_array_equal(np.asarray(resize_picture(picture, 96)), ramp)


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = np.asarray(resize_picture(Image.fromarray(stripes), 16)).astype(int)
    assert np.abs(small[:, 2:-2] - 128).max() <= 2


@settings(max_examples=30)
@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 1000))
def test_tensor_and_back_gives_the_same_bytes(height: int, width: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    tensor = to_tensor(Image.fromarray(values))
    assert tensor.shape == (1, 3, height, width)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    np.testing.assert_array_equal(to_array(tensor), values)
    np.testing.assert_array_equal(np.asarray(to_picture(tensor[0])), values)


def test_to_tensor_is_rgb_in_the_unit_range() -> None:
    tensor = to_tensor(Image.fromarray(np.array([[[255, 0, 51]]], np.uint8)))
    torch.testing.assert_close(tensor[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.2]))


def test_to_array_clamps_and_rounds() -> None:
    row = torch.tensor([-3.0, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0])
    assert to_array(row.expand(3, 1, 6))[0, :, 1].tolist() == [0, 0, 0, 1, 255, 255]
    half = torch.rand(1, 3, 5, 7, dtype=torch.float16, requires_grad=True)
    assert to_array(half).shape == (5, 7, 3)
    assert to_array(half).flags["C_CONTIGUOUS"]
    for shape in ((2, 3, 8, 8), (8, 8, 3), (8, 8), (1, 4, 8, 8)):
        with pytest.raises(ValueError, match="expected"):
            to_array(torch.zeros(shape))
