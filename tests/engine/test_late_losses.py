"""Losses that stay on an accelerator for a while are all read, and judged, in the end."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine import run as run_module
from playground.engine.control import MemoryControl
from playground.engine.run import Run
from playground.networks.vgg import Vgg
from tests.helpers.painting import plain, result


@pytest.fixture
def slowly_read(
    monkeypatch: pytest.MonkeyPatch, pictures: tuple[Image.Image, Image.Image], network: Vgg
) -> Callable[..., Run]:
    """A run that reads its losses as on an accelerator, and seldom."""
    monkeypatch.setattr(run_module, "READ_EVERY", 3600.0)

    def make(control: MemoryControl | None = None, **settings: object) -> Run:
        run = Run(*pictures, plain(**{"iterations": 9, "preview_rate": 0.1, **settings}), network, control)
        run.painting.device = SimpleNamespace(type="cuda")  # type: ignore[assignment]
        return run

    return make


def test_no_loss_stays_behind_at_the_end(slowly_read: Callable[..., Run]) -> None:
    frames = list(slowly_read().frames())
    assert [frame.evaluations for frame in frames if frame.losses] == [*range(1, 10), 9]
    assert len(result(frames).curve) == 9


@pytest.mark.parametrize("order", ["stop", "pause"])
def test_no_loss_stays_behind_when_told_to_wait(
    monkeypatch: pytest.MonkeyPatch, slowly_read: Callable[..., Run], order: str
) -> None:
    monkeypatch.setattr(run_module, "PAUSED_EVERY", 0.01)
    control = MemoryControl()
    run = slowly_read(control)
    evaluate = run.painting.evaluate

    def told() -> torch.Tensor:
        if run.evaluations == 5:
            getattr(control, order)()
        return evaluate()

    monkeypatch.setattr(run.painting, "evaluate", told)
    seen = []
    for frame in run.frames():
        seen += [frame.evaluations] * bool(frame.losses)
        if frame.state != "running":
            break
    assert list(dict.fromkeys(seen)) == [1, 2, 3, 4, 5, 6]


def test_a_late_loss_that_is_no_number_is_recovered_from(
    monkeypatch: pytest.MonkeyPatch, slowly_read: Callable[..., Run]
) -> None:
    run = slowly_read(clip=False)
    evaluate = run.painting.evaluate

    def broken() -> torch.Tensor:
        terms = evaluate()
        return terms * float("nan") if run.evaluations == 8 else terms

    monkeypatch.setattr(run.painting, "evaluate", broken)
    frames = list(run.frames())
    assert run.painting.recoveries
    assert all(np.isfinite(point["total"]) for point in result(frames).curve)
    assert all(np.isfinite(value) for frame in frames for value in frame.losses.values())
