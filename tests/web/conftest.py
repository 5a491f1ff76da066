"""Fixtures that the tests of the served page share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import handle_file
from PIL import Image

from playground.service.jobs import Jobs
from playground.web.pagefiles import PageFiles


@pytest.fixture
def uploads(tmp_path: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    for name in ("content", "style"):
        Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return {name: handle_file(tmp_path / f"{name}.png") for name in ("content", "style")}


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """A server's jobs without limits, gone after the test; files that need other limits or one for all tests have their own."""
    jobs = Jobs("cpu")
    yield jobs
    jobs.close()


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    return PageFiles(tmp_path, 10)
