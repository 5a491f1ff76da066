"""Pairs and Echo behind the page: which picture is looked at, what is answered, and that no run notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from playground.engine.first_light import NOTE as FIRST_LIGHT
from playground.images.pictures import Pictures
from playground.lens.pulls import pulls_on
from playground.networks import read
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.studio import lenses
from playground.web.studio.lenses import Lenses, moment, on_show
from playground.web.studio.results import finish
from playground.web.studio.session import Session
from tests.helpers.painting import plain
from tests.helpers.waiting import until

PAIR = tuple[Image.Image, Image.Image]


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    made = Jobs("cpu")
    yield made
    made.close()


def ask(turn: int = 1, **more: object) -> gr.EventData:
    return gr.EventData(None, {"turn": turn, **more})


def started(jobs: Jobs, pictures: PAIR, session: Session, **settings: object) -> Job:
    job = jobs.start(Pictures(pictures[0], (pictures[1],)), plain(**settings), session.who())
    session.put(job)
    return job


def over(job: Job) -> Job:
    until(lambda: job.ended)
    assert job.result is not None
    return job


def test_before_a_run_the_two_boxes_are_looked_at(jobs: Jobs, pictures: PAIR, tmp_path: Any) -> None:
    files = []
    for name, picture in zip(("photo", "painting"), pictures, strict=True):
        picture.save(tmp_path / f"{name}.png")
        files.append(str(tmp_path / f"{name}.png"))
    found = Lenses(jobs).pairs(Session(Recipe()), files[0], files[1], ask(7))
    assert (found["turn"], found["layer"], set(found["pictures"])) == (7, "conv4_1", {"photo", "painting"})
    assert not found["has_shown"]
    assert not any(str(tmp_path) in str(value) for value in found.values())
    wrong = Lenses(jobs).pairs(Session(Recipe()), None, files[1], ask(8))
    assert (wrong["turn"], "choose" in wrong["error"].lower()) == (8, True)


def test_a_moment_a_run_and_a_result_are_each_looked_at(jobs: Jobs, pictures: PAIR) -> None:
    session = Session(Recipe())
    job = over(started(jobs, pictures, session, iterations=6))
    assert session.content is not None
    first = on_show(session, 0, None, None)
    assert first.shown is not None
    assert first.shown.tobytes() == job.previews.frames[0].picture.tobytes()
    ended = on_show(session, None, None, None)
    assert ended.shown is not None
    assert job.result is not None
    assert ended.shown.tobytes() == job.result.picture.tobytes()
    other = over(started(jobs, pictures, session, iterations=3, init="noise"))
    for one in (other, job):
        session.finished = [done for done in session.finished if done.job is not one]
        session.finished.append(finish(one, session.content, "style"))
    brought = on_show(session, None, None, None)  # the earlier one, which was taken from the shelf
    assert (brought.name, brought.job) == (job.name, job)
    assert on_show(session, 0, None, None).job is other


def test_a_page_that_has_the_pair_is_sent_only_what_was_painted_and_nothing_twice(jobs: Jobs, pictures: PAIR) -> None:
    session, looks = Session(Recipe()), Lenses(jobs)
    over(started(jobs, pictures, session, iterations=6))
    whole = looks.pairs(session, None, None, ask(layer="conv3_1"))
    assert set(whole["pictures"]) == {"photo", "painting", "shown"}
    again = looks.pairs(session, None, None, ask(2, layer="conv3_1", has=whole["key"], at=0))
    assert set(again["pictures"]) == {"shown"}
    assert again["channels"] == whole["channels"]
    assert again["pictures"]["shown"]["cells"] != whole["pictures"]["shown"]["cells"]
    same = looks.pairs(session, None, None, ask(3, layer="conv3_1", has=whole["key"], at=0, version=again["version"]))
    assert (same["turn"], same["same"], "pictures" in same) == (3, True, False)
    assert looks.pairs(session, None, None, ask(layer="conv9_9"))["layer"] == "conv4_1"
    echo = looks.echo(session, None, None, ask(4, layer="conv5_1"))
    assert (echo["turn"], echo["layer"], len(echo["pictures"])) == (4, "conv5_1", 3)


@pytest.mark.parametrize("sent", ["x", None, float("nan"), 1e12, [1]])
def test_what_is_no_moment_is_the_picture_on_the_easel(sent: object) -> None:
    assert moment(ask(at=sent)) is None
    assert moment(ask(at=12.0)) == 12


def test_pulls_are_measured_on_a_moment_and_on_a_result(jobs: Jobs, pictures: PAIR) -> None:
    session, looks = Session(Recipe()), Lenses(jobs)
    for wanted, said in ((True, "as soon as a run goes on"), (False, "switch it on")):
        nothing = looks.tug(session, wanted, ask(3))
        assert 'data-turn="3"' in nothing
        assert said in nothing
    job = over(started(jobs, pictures, session, iterations=12))
    start = looks.tug(session, True, ask(1, at=0))
    assert session.tug_at == 0
    assert "content 0 %" in start
    assert "step 0" in start.lower()
    end = looks.tug(session, True, ask(2))
    assert session.tug_at is None
    assert "The result on show" in end
    assert "content 0 %" not in end
    assert end.count("<img") == start.count("<img") >= 2
    assert job.pulls is None  # the run itself is not touched


def test_at_the_start_each_lens_says_which_picture_it_looks_at(jobs: Jobs, pictures: PAIR) -> None:
    session, looks = Session(Recipe()), Lenses(jobs)
    job = over(started(jobs, pictures, session, iterations=2))
    assert "step 0" in looks.pairs(session, None, None, ask(at=0))["said"].lower()
    job.note(f"something else; {FIRST_LIGHT}")
    assert looks.pairs(session, None, None, ask(2, at=0))["said"].startswith("First light")
    pulled = looks.tug(session, True, ask(3, at=0))
    assert "The photo, where painting begins" in pulled
    assert "content 0 %" in pulled


def test_only_a_start_at_the_photo_is_pulled_without_its_jpeg(
    jobs: Jobs, pictures: PAIR, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Image.Image | None] = []

    def watched(content: Image.Image, style: Image.Image, picture: Image.Image | None, *more: Any, **named: Any) -> Any:
        seen.append(picture)
        return pulls_on(content, style, picture, *more, **named)

    monkeypatch.setattr(lenses, "pulls_on", watched)
    session, looks = Session(Recipe()), Lenses(jobs)
    over(started(jobs, pictures, session, iterations=2))
    looks.tug(session, True, ask(1, at=0))
    noisy = over(started(jobs, pictures, session, iterations=2, init="noise"))
    looks.tug(session, True, ask(2, at=0))
    assert seen[0] is None
    assert seen[1] is not None  # noise of another size is other noise
    assert seen[1].tobytes() == noisy.previews.frames[0].picture.tobytes()


def test_while_a_run_goes_on_tug_shows_what_it_has_measured(jobs: Jobs, pictures: PAIR) -> None:
    session, looks = Session(Recipe()), Lenses(jobs)
    job = started(jobs, pictures, session, iterations=1000)
    assert "Not measured" in looks.tug(session, False, ask(1))
    job.control.want_shares(True)
    until(lambda: job.pulls is not None)
    assert "left over" in looks.tug(session, True, ask(2))
    job.control.stop()
    over(job)


def test_a_run_that_is_looked_at_paints_the_same_bits(jobs: Jobs, pictures: PAIR, network: Vgg) -> None:
    alone = over(started(jobs, pictures, Session(Recipe()), iterations=12))
    session, looks, looked, pulled = Session(Recipe()), Lenses(jobs), 0, 0
    job = started(jobs, pictures, session, iterations=12)
    job.control.want_shares(True)  # Tug is open: the run measures its own pulls
    while not job.ended:
        for look in (looks.pairs, looks.echo):
            assert "error" not in look(session, None, None, ask(looked, layer="conv3_1"))
        if job.previews.frames:
            assert "left over" in looks.tug(
                session, True, ask(looked, at=0)
            )  # and those of a moment are felt beside it
            pulled += 1
        looked += 1
    assert looked > 1
    assert pulled > 0
    assert job.pulls is not None
    assert alone.result is not None
    assert over(job).result is not None
    assert job.result is not None
    assert job.result.picture.tobytes() == alone.result.picture.tobytes()
    assert job.result.losses == alone.result.losses
