"""Stands in for real runs where only their order, their waiting and their end are tested."""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from playground.engine.control import Control, MemoryControl
from playground.engine.frames import Frame, Result, State
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.service.jobs import Jobs

RECIPE = Recipe(size=64, iterations=3)
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
PICTURES = Pictures(PICTURE, (PICTURE,))


class Painting:
    """Stands in for Run: a step for every time the gate is opened, and what real runs hold: a large tensor."""

    gate: threading.Semaphore
    steps_of: list[int]
    tensors: list[weakref.ref[Any]]
    fault: Exception | None = None

    def __init__(
        self, content: Any, style: Any, recipe: Recipe, network: Any, control: Control, snapshot: Any = None,
        pictures_every: int | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.control = recipe, control
        self.tensor = torch.zeros(1000)
        Painting.tensors.append(weakref.ref(self.tensor))

    def frame(self, step: int, state: State = "running") -> Frame:
        losses = {"content": 1.0, "style": 2.0, "variation": 0.0, "total": 3.0} if step and state == "running" else {}
        layers = {"content:conv4_2": 1.0, "style:conv1_1": 2.0} if losses else {}
        picture = np.full((4, 4, 3), step, dtype=np.uint8)
        return Frame(step, self.recipe.iterations, step, 0.1 * step, losses, layers, picture=picture, state=state)

    def frames(self) -> Iterator[Frame]:
        yield self.frame(0)
        step, state = 0, None
        while state is None:
            asked = self.control.read()
            if asked.stopped:
                state = "stopped"
            elif step == self.recipe.iterations:
                state = "done"
            elif asked.paused:
                yield self.frame(step, "paused")
                self.control.wait(0.05)
            elif Painting.gate.acquire(timeout=0.02):
                with self.control.turn():
                    step += 1
                    Painting.steps_of.append(self.recipe.seed)
                    if Painting.fault is not None:
                        raise copy.copy(Painting.fault)  # a raised one holds on to everything that it passed
                yield self.frame(step)
        picture = Image.new("RGB", (8, 8))
        result = Result(picture, self.recipe, state, {}, {}, [], step, step, 0.1 * step, None)
        yield replace(self.frame(step, state), result=result)  # type: ignore[arg-type]


def started(jobs: Jobs, *visitors: str, **settings: Any) -> list[Job]:
    recipes = [RECIPE.changed({"seed": number, **settings}) for number in range(len(visitors))]
    return [jobs.start(PICTURES, recipe, visitor) for recipe, visitor in zip(recipes, visitors, strict=True)]


def expected(recipe: Recipe) -> Job:
    """A job of nobody's that knows what it would take."""
    job = Job(PICTURES, recipe, "nobody", MemoryControl(), 0.0)
    job.expect("cpu")
    return job
