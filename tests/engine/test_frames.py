"""A curve is thinned and keeps its ends."""

from __future__ import annotations

import numpy as np

from playground.engine.frames import CURVE_POINTS, Curve


def test_a_curve_keeps_its_first_and_last_point_and_stays_small() -> None:
    curve = Curve()
    for step in range(20_000):
        curve.add({"step": step})
    steps = [point["step"] for point in curve.points]
    assert steps[0] == 0
    assert steps[-1] == 19_999
    assert len(steps) <= CURVE_POINTS + 1
    assert steps == sorted(set(steps))
    gaps = np.diff(steps[:-1])
    assert gaps.min() == gaps.max()
