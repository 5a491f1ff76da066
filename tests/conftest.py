"""Fixtures that several test files share."""

from __future__ import annotations

import pytest

from playground import weights


@pytest.fixture(scope="session")
def hed() -> weights.Weights:
    """The default network, fetched once into the default home where it is missing."""
    weights.fetch("vgg16-hed")
    return weights.load("vgg16-hed")
