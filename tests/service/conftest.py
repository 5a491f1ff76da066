"""Servers whose runs are paintings of nothing, gated by the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from playground.networks import catalogue
from playground.service import downloads as downloads_module
from playground.service import worker as worker_module
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.paintings import Painting


@pytest.fixture
def painting(monkeypatch: pytest.MonkeyPatch) -> type[Painting]:
    Painting.gate, Painting.steps_of, Painting.tensors, Painting.fault = threading.Semaphore(0), [], [], None
    monkeypatch.setattr(worker_module, "Run", Painting)
    monkeypatch.setattr(downloads_module, "load_network", lambda name, device: object())
    monkeypatch.setattr(catalogue, "is_available", lambda name: name == "vgg16-hed")
    return Painting


@pytest.fixture
def make(painting: type[Painting]) -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def jobs(**settings: Any) -> Jobs:
        made.append(Jobs("cpu", Limits(**{"runs_each": 1, **settings})))
        return made[-1]

    yield jobs
    for each in made:
        each.close()
        assert not each.threads.alive, "a worker outlived its server"
