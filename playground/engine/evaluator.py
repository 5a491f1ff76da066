"""Judging the picture on a canvas: its losses, the way downhill, and which picture was the best. Called by painting.py.

An evaluation is hundreds of small kernels on an accelerator, and starting them takes longer than running them. On CUDA
it is therefore recorded as a graph and then replayed with a single launch.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from playground.engine.canvas import Canvas
from playground.engine.losses import Objective

RECORD_AFTER = 2  # evaluations as they come, in which libraries choose their kernels and take their workspaces

logger = logging.getLogger(__name__)


class Evaluator:
    """Judges one canvas by one objective. Where weights or targets change, another judge is wanted.

    Attributes:
        best, best_total, best_terms: parameters and losses of the best picture that was judged; before the first, what
            is on the canvas, infinity and None. From the second evaluation on they are written in place.
        names: of the losses, "content:conv4_2" and so on; empty before the first evaluation.
        undisturbed: to be held from an evaluation until its gradients have been used.
    """

    def __init__(self, canvas: Canvas, objective: Objective) -> None:
        self.canvas, self.objective = canvas, objective
        device = canvas.parameters[0].device
        self.best: list[Tensor] = [parameter.detach().clone() for parameter in canvas.parameters]
        self.best_total = torch.full((), math.inf, device=device)
        self.best_terms: Tensor | None = None
        self.names: list[str] = []
        self.undisturbed: AbstractContextManager[Any] = _one_at_a_time if device.type == "cuda" else nullcontext()
        self._evaluations = 0
        self._recorded: tuple[torch.cuda.CUDAGraph, Tensor] | None = None
        self._record_after = RECORD_AFTER if device.type == "cuda" else math.inf
        self._before = torch.cuda.Event() if device.type == "cuda" else None

    def restore(
        self, best: Sequence[Tensor], total: float, terms: Sequence[float] | None, names: Sequence[str]
    ) -> None:
        """Go on with what another judge of such a canvas found to be the best; only before the first evaluation."""
        self.best, self.names = list(best), list(names)
        self.best_total.fill_(total)
        self.best_terms = None if terms is None else torch.tensor(terms, device=self.best_total.device)

    def __call__(self) -> Tensor:
        """Judge the picture on the canvas: its parameters get their gradients, and the best picture is kept.

        Returns:
            the weighted losses in the order of `names`, on the device.
        """
        if self._evaluations == self._record_after:
            self._record()
        self._evaluations += 1
        if self._recorded is None:
            terms = self._judge()
        else:
            graph, terms = self._recorded
            graph.replay()
            terms = terms.clone()
        if self._before is not None:  # no more than two under way, or a pause and a clock would come seconds late
            self._before.synchronize()
            self._before.record()
        return terms

    def _judge(self) -> Tensor:
        for parameter in self.canvas.parameters:
            parameter.grad = None  # it has been used, and takes as much as the picture
        losses = self.objective(self.canvas.image())
        gradients = torch.autograd.grad(losses.total, self.canvas.parameters)
        for parameter, gradient in zip(self.canvas.parameters, gradients, strict=True):
            parameter.grad = gradient
        with torch.no_grad():
            terms = losses.stacked()
            self.names = list(losses.terms)
            if self.best_terms is None or self.best_terms.shape != terms.shape:
                self.best_terms = torch.full_like(terms, math.nan)
            better = losses.total < self.best_total  # decided on the device, without a transfer; false for NaN
            kept = [self.best_total, self.best_terms, *self.best]
            for best, new in zip(kept, [losses.total, terms, *self.canvas.parameters], strict=True):
                best.copy_(torch.where(better, new, best))
        return terms

    def _record(self) -> None:
        """Record an evaluation; nothing is computed yet. Where that fails, evaluations go on as they come.

        All recordings share one pool of memory: each may overwrite what another left there, so gradients are used at once.
        """
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        others = list(_recordings)  # held until the end, since a pool ends with the last of its recordings
        pool = others[0].pool() if others else None
        try:
            with torch.cuda.graph(graph, pool, capture_error_mode="thread_local"):
                terms = self._judge()
        except RuntimeError as error:  # mostly for lack of memory
            torch.cuda.set_stream(stream)  # a recording that fails at its ends leaves its own behind
            self._record_after = math.inf
            logger.warning("an evaluation could not be recorded, which makes it slower: %s", error)
            return
        self._recorded = graph, terms
        _recordings.add(graph)


_recordings: WeakSet[torch.cuda.CUDAGraph] = WeakSet()
_one_at_a_time = threading.RLock()
