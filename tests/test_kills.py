"""Ten servers with a run, its branches, a training and an upload are killed outright: benchmarks/kills.py says what is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kills import chain
from playground.networks.read import Weights

KILLS = 10


@pytest.mark.slow
def test_ten_kills_lose_no_more_than_the_interval(hed: Weights, tmp_path: Path) -> None:
    done = chain(tmp_path, KILLS, seed=7)
    assert len(done) == KILLS
    assert all(kill.holds for kill in done), done
    assert sum(kill.phase == "painting" for kill in done) >= KILLS // 3
    assert max(kill.jobs for kill in done) >= 3, "a run, a branch and a training were there"
    assert max(kill.back for kill in done) == max(kill.jobs for kill in done)
