"""What a run has told so far: its curves, and what L-BFGS said of its rounds.

Written by the worker through the job; pages read it at any time, and checkpoints keep what the run's own snapshot has not.
Knows neither job nor page.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from playground.engine.frames import Curve, Frame, Round

MAX_ROUNDS = 200  # that are remembered


class Reported:
    """Curves and rounds of one run; every call may come from any thread."""

    def __init__(self) -> None:
        self._curve, self._layers, self._unweighted = Curve(), Curve(), Curve()
        self._rounds: list[Round] = []
        self._lock = threading.Lock()

    @property
    def curve(self) -> list[dict[str, float]]:
        """Points {step, evaluations, seconds, content, style, variation, total}, thinned evenly, in order."""
        with self._lock:
            return list(self._curve.points)

    @property
    def layers(self) -> list[dict[str, float]]:
        """Points {"evaluations": ..., "content:conv4_2": ..., "style:conv1_1": ...}, thinned like `curve`."""
        with self._lock:
            return list(self._layers.points)

    @property
    def unweighted(self) -> list[dict[str, float]]:
        """Points {"evaluations", "size", "content", "style", "variation", "style:conv1_1", ...} without weights, thinned too.

        `size` is the long side in pixels; a term or layer whose weight was 0 is absent. Empty for a run of an earlier
        version, and for trainings.
        """
        with self._lock:
            return list(self._unweighted.points)

    @property
    def rounds(self) -> list[Round]:
        """What L-BFGS said of its latest rounds, at most `MAX_ROUNDS`, oldest first."""
        with self._lock:
            return list(self._rounds)

    def add(self, frame: Frame) -> None:
        """Take over what a frame says."""
        with self._lock:
            if frame.losses and frame.result is None:
                at = {"step": frame.step, "evaluations": frame.evaluations, "seconds": frame.seconds}
                self._curve.add({**at, **frame.losses})
                self._layers.add({"evaluations": frame.evaluations, **frame.layers})
                if frame.unweighted:
                    plain = {"evaluations": frame.evaluations, "size": max(frame.size), **frame.unweighted}
                    self._unweighted.add(plain)
            if frame.round is not None:
                self._rounds = [*self._rounds, frame.round][-MAX_ROUNDS:]

    @property
    def beside(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the run's own snapshot, as plain data for `go_on_from`."""
        with self._lock:
            return {
                "layers": self._layers.plain(),
                "unweighted": self._unweighted.plain(),
                "rounds": [asdict(round) for round in self._rounds],
            }

    def go_on_from(self, snapshot: Mapping[str, Any]) -> None:
        """Take over the curves of a snapshot that the run is about to go on from."""
        with self._lock:
            self._curve = Curve.of(snapshot["curve"])
            beside = snapshot.get("beside", {})
            if layers := beside.get("layers"):
                self._layers = Curve.of(layers)
            if unweighted := beside.get("unweighted"):
                self._unweighted = Curve.of(unweighted)
            self._rounds = [Round(**round) for round in beside.get("rounds", ())]
