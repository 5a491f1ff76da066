"""A run that every server went down with is set aside; whose it was is told so on the page, once, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from playground.networks import read
from playground.service import store as store_module
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from tests.service.test_store import stored
from tests.web.hostile.target import API

ANN, BEN = "a" * 24, "b" * 24


@pytest.fixture(scope="module")
def jobs(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    root = tmp_path_factory.mktemp("runs")
    first = Store(root, 100)
    first.create(stored(visitor=ANN, tries=store_module.MAX_TRIES))
    first.close()
    jobs = Jobs("cpu", Limits(), store=Store(root, 100))
    assert jobs.recover() == []
    yield jobs
    jobs.close()


def opens(address: str, person: str) -> str:
    """What the Studio says to somebody who opens the page."""
    with httpx.Client(base_url=address, timeout=60) as http:
        http.get("/")
        events = http.get("/config").json()["dependencies"]
        (opened,) = (e for e in events if "playground.told" in str(e["js"]) and len(e["outputs"]) > 50)
        body = {"data": [None, json.dumps({"person": person})], "fn_index": opened["id"], "session_hash": person[:8]}
        return http.post(f"{API}/run/predict", json=body).text


def test_whose_it_was_is_told_once(address: str, jobs: Jobs) -> None:
    why = "the server went down with it 3 times before it got any further"
    assert why not in opens(address, BEN)
    said = opens(address, ANN)
    assert said.count(why) == 1
    assert "is set aside there: " + why in said
    assert str(Path.home()) not in said
    assert why not in opens(address, ANN)
