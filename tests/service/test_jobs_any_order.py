"""Jobs under any order of start, pause, stop and vanish: limits hold, nobody is lost, and everybody is served.

The runs are paintings of nothing that take turns as real ones do, so what is tested is the queue and the turns.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from PIL import Image

from playground.engine.control import Control
from playground.engine.frames import Frame, Result
from playground.errors import PlaygroundError
from playground.networks import catalogue
from playground.recipe.model import Recipe
from playground.service import downloads as downloads_module
from playground.service import worker as worker_module
from playground.service.admission import Busy
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.paintings import PICTURES, expected
from tests.helpers.waiting import until

VISITORS = st.sampled_from(["ann", "ben", "cy", "dan", "eve", "flo"])


class Sketch:
    """Stands in for Run: every step is a turn of a tenth of a millisecond, endless but for a stop or the last step."""

    at_once = 0
    most_at_once = 0

    def __init__(self, content: Any, style: Any, recipe: Recipe, network: Any, control: Control, *_: Any) -> None:
        self.recipe, self.control = recipe, control

    def frames(self) -> Iterator[Frame]:
        step = 0
        while step < self.recipe.iterations and not (asked := self.control.read()).stopped:
            if asked.paused:
                yield Frame(step, self.recipe.iterations, step, 0.0, {}, {}, state="paused")
                self.control.wait(0.01)
                continue
            with self.control.turn():
                Sketch.at_once += 1
                Sketch.most_at_once = max(Sketch.most_at_once, Sketch.at_once)
                time.sleep(0.0001)
                Sketch.at_once -= 1
                step += 1
            yield Frame(step, self.recipe.iterations, step, 0.0, {}, {})
        state = "done" if step == self.recipe.iterations else "stopped"
        result = Result(Image.new("RGB", (8, 8)), self.recipe, state, {}, {}, [], step, step, 0.0, None)
        yield Frame(step, self.recipe.iterations, step, 0.0, {}, {}, state=state, result=result)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="module")
def sketches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_module, "Run", Sketch)
        patch.setattr(worker_module, "LOOK_EVERY", 0.005)
        patch.setattr(downloads_module, "load_network", lambda name, device: object())
        patch.setattr(catalogue, "is_available", lambda name: name == "vgg16-hed")
        yield


class AnyOrder(RuleBasedStateMachine):
    """People who start, pause, resume, stop, replace and walk away, in any order."""

    @initialize(
        max_runs=st.integers(1, 4), max_waiting=st.integers(0, 4), runs_each=st.integers(1, 2), tight=st.booleans()
    )
    def open(self, max_runs: int, max_waiting: int, runs_each: int, tight: bool) -> None:
        Sketch.at_once = Sketch.most_at_once = 0
        self.jobs = Jobs("cpu", Limits(max_runs=max_runs, max_waiting=max_waiting, runs_each=runs_each))
        self.started: list[Job] = []
        if tight:  # a memory that holds one large run, or two small ones
            probe = expected(Recipe(size=512))
            self.jobs.admission.memory_limit_mb = 1.0
            while not self.jobs.admission.fits([probe]):
                self.jobs.admission.memory_limit_mb += 1.0

    def going_on(self) -> list[Job]:
        return [job for job in self.started if not job.ended]

    @rule(
        visitor=VISITORS, size=st.sampled_from([64, 512]), steps=st.sampled_from([1, 5, 100_000]),
        replace=st.booleans(), teacher=st.booleans(),
    )  # fmt: skip
    def start(self, visitor: str, size: int, steps: int, replace: bool, teacher: bool) -> None:
        recipe = Recipe(size=size, iterations=steps)
        try:
            job = self.jobs.start(PICTURES, recipe, visitor, replace=replace, teacher=teacher)
        except Busy:
            assert not replace
            assert len([job for job in self.started if job.visitor == visitor]) >= self.jobs.limits.runs_each
        except PlaygroundError as refusal:
            if "waiting already" not in str(refusal):
                raise
        else:
            self.started.append(job)

    @rule(number=st.integers(0, 20), asked=st.sampled_from(["pause", "resume", "stop", "vanish"]))
    def steer(self, number: int, asked: str) -> None:
        """To any run, since what still goes on depends on the clock, which hypothesis cannot repeat."""
        if not self.started:
            return
        job = self.started[-1 - number % len(self.started)]
        if asked == "vanish":
            job.seen_at -= 1e6  # nobody has watched for days
        else:
            getattr(job.control, asked)()

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.01]))
    def time_passes(self, seconds: float) -> None:
        time.sleep(seconds)

    @invariant()
    def limits_hold(self) -> None:
        jobs = self.jobs
        with jobs._lock:
            admitted, waiting = list(jobs.admission.admitted), list(jobs.admission.waiting)
            assert len(admitted) <= jobs.limits.max_runs
            assert len(waiting) <= jobs.limits.max_waiting
            assert jobs.admission.fits(admitted) or len(admitted) == 1
            assert len(set(waiting)) == len(waiting)
            assert not set(admitted) & set(waiting)
            if waiting:  # nobody waits beside an empty slot
                assert not jobs.admission.has_room(admitted, waiting[0])
            # one that has ended has its slot for a moment more, and counts for nobody any longer
            here = [job for job in [*admitted, *waiting] if not job.ended]
            theirs = [job.visitor for job in here if not job.control.read().stopped]
        assert all(theirs.count(visitor) <= jobs.limits.runs_each for visitor in theirs)
        assert Sketch.most_at_once <= 1

    @invariant()
    def nobody_is_lost(self) -> None:
        with self.jobs._lock:
            known = {*self.jobs.admission.admitted, *self.jobs.admission.waiting}
            lost = [job for job in self.started if not job.ended and job not in known]
        until(lambda: all(job.ended for job in lost), 10, 0.001)  # they are just ending

    def teardown(self) -> None:
        """Everybody who still goes on moves, in the order of arrival, and at the end nothing is left."""
        if not hasattr(self, "jobs"):
            return
        for job in self.going_on():
            job.control.resume()
        deadline = time.monotonic() + 30
        while going_on := self.going_on():
            moved = [job for job in going_on if job.frame is not None and job.frame.step > 0]
            for job in moved:  # it has had its part: the next one's turn
                job.control.stop()
            assert time.monotonic() < deadline, f"{[job.state for job in going_on]} starve"
            time.sleep(0.001)
        self.jobs.close()
        assert not self.jobs.threads.alive
        assert not self.jobs.admission.admitted
        assert not self.jobs.admission.waiting
        assert not self.jobs.scheduler.queue.waiting


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_many_at_once_all_finish_and_none_is_far_ahead() -> None:
    jobs = Jobs("cpu", Limits(max_runs=12, max_waiting=20))
    started = [jobs.start(PICTURES, Recipe(size=64, iterations=40), str(number)) for number in range(20)]
    apart, most = 0, threading.Event()
    for _ in itertools.repeat(None):
        steps = [job.frame.step for job in started if job.frame is not None and not job.ended]
        if len(steps) == 12 and min(steps) > 0:
            apart = max(apart, max(steps) - min(steps))
        if all(job.ended for job in started):
            break
        most.wait(0.001)
    assert {job.state for job in started} == {"done"}
    assert apart < 40
    jobs.close()
