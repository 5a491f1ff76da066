"""Fixtures that the tests of the served page share.

`address` serves the page with the `jobs` fixture of the test file, which has to be one for the whole file, and `browser` opens
one for it. Both look in the file for `SETTINGS` of the server, for `PATIENCE`, the seconds that the browser's expectations wait,
and for `BROWSER_OPTIONS`, more arguments for the browser.
"""

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
    """A server's jobs, gone after the test; files that need limits or one for all tests have their own."""
    jobs = Jobs("cpu")
    yield jobs
    jobs.close()


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    return PageFiles(tmp_path, 10)


@pytest.fixture(scope="module")
def address(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    from tests.helpers.visitor import served  # only where a page is tested: it wants a browser's driver

    with served(jobs, tmp_path_factory.mktemp("files"), **getattr(request.module, "SETTINGS", {})) as url:
        yield url


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    from tests.helpers.visitor import chromium

    patience, more = getattr(request.module, "PATIENCE", 30), getattr(request.module, "BROWSER_OPTIONS", ())
    with chromium(patience, *more) as started:
        yield started


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Any]:
    from tests.helpers.visitor import Visitor

    came = Visitor(browser, address)
    yield came
    came.context.close()
