"""What a process that paints for many has for its runs, and what it sets up for them."""

from __future__ import annotations

import pytest

from playground.images.load import DECODING, DECODING_MB
from playground.service import one_process
from playground.service.limits import Limits


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The process itself stays as it is; what would have been set up."""
    done: list[str] = []
    for name in ("share_one_heap", "take_short_turns", "return_large_blocks"):
        monkeypatch.setattr(one_process, name, lambda name=name: done.append(name))
    monkeypatch.setattr(one_process, "free_megabytes", lambda device: 10_000.0)
    monkeypatch.setattr(DECODING, "megabytes", DECODING.megabytes)
    return done


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("memory_mb", "device", "runs", "decoding"),
    [
        (2000, "cpu", 1750, 250),
        (None, "cpu", 8000 - DECODING_MB, DECODING_MB),  # four fifths of what is free
        (2000, "cuda", 2000, 250),  # whose memory no picture is decoded in
    ],
)
def test_pictures_that_are_decoded_have_their_part_before_runs_have_theirs(
    memory_mb: int | None, device: str, runs: float, decoding: float
) -> None:
    assert one_process.prepare(Limits(memory_mb=memory_mb), device) == runs
    assert DECODING.megabytes == decoding


@pytest.mark.parametrize("runs", [one_process.MAX_RUNS_AT_FULL_SPEED, one_process.MAX_RUNS_AT_FULL_SPEED + 1])
def test_large_blocks_go_back_only_where_many_paint(asked: list[str], runs: int) -> None:
    one_process.prepare(Limits(max_runs=runs), "cpu")
    assert ("return_large_blocks" in asked) == (runs > one_process.MAX_RUNS_AT_FULL_SPEED)
    assert asked[:2] == ["share_one_heap", "take_short_turns"]
