"""Markers, the processes that share the tests, and the fixtures that several folders of tests use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from playground.web.gradio_patches.written_interfaces import leave_interfaces_unwritten

if TYPE_CHECKING:  # torch takes seconds to read, and the process that shares the tests out does without
    from PIL import Image

    from playground.networks import read
    from playground.networks.vgg import Vgg

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # the processes that share the tests share the processor
    threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # read by torch, here and in the processes that tests start

# Whatever was measured on this machine, tests compute alike; one that is about the choice asks for another itself.
os.environ["PLAYGROUND_ARITHMETIC"] = "direct"

leave_interfaces_unwritten()  # as where the page is served; before a test's module imports gradio

pytest.register_assert_rewrite("tests.helpers")  # so that a failed assertion there says what it compared

# How fast a machine makes up its examples says nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


# A test is marked by the fixture that it cannot do without, so that no list of tests goes out of date.
MARKED_BY_FIXTURE = {
    "browser": pytest.mark.browser,
    "hed": pytest.mark.online,  # the weights that most other fixtures are built from
    "any_painting": pytest.mark.online,
    "judge": pytest.mark.online,
    "fetched": pytest.mark.online,
    "wheel": pytest.mark.online,
}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes share the tests: two for all of them, none for what is named, so that a debugger works there."""
    return 2 if config.args_source is not pytest.Config.ArgsSource.ARGS else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.helpers.sharing import Sharing  # not before its assertions are rewritten

    return Sharing(config, log)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKED_BY_FIXTURE:
                item.add_marker(MARKED_BY_FIXTURE[fixture])


@pytest.fixture(scope="session", autouse=True)
def every_warning_of_torch() -> None:
    """Not once a process: a warning fails the test that causes it, whichever ran before."""
    import torch

    torch.set_warn_always(True)


@pytest.fixture(scope="session")
def hed() -> read.Weights:
    """The default network, fetched once into the default home where it is missing."""
    from playground.networks import fetch, read

    fetch.fetch("vgg16-hed")
    return read.load("vgg16-hed")


@pytest.fixture(scope="session")
def any_painting() -> None:
    """The network for any painting lies in the default home."""
    from playground.networks import catalogue, fetch

    fetch.fetch(catalogue.ANY_PAINTING)


@pytest.fixture(scope="session")
def judge() -> None:
    """The network that names what it sees lies there too."""
    from playground.networks import catalogue, fetch

    fetch.fetch(catalogue.JUDGE)


@pytest.fixture(scope="session")
def network(hed: read.Weights) -> Vgg:
    from playground.networks.vgg import Vgg

    return Vgg(hed)


@pytest.fixture(scope="session")
def pictures() -> tuple[Image.Image, Image.Image]:
    from skimage import data

    from playground.images.load import load_picture

    return load_picture(data.chelsea()[:240, 60:380]), load_picture(data.coffee()[:300, :400])
