"""One caller does not take the server: runs are counted by person, and a run that nobody listens to ends.

The whole page in this process, with a classroom's limits and a grace period of a few seconds, painting on the real network.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.limits import PROFILES
from playground.web import threads
from tests.helpers.callers import API, ENDLESS, SMALL, Caller, all_ended
from tests.helpers.waiting import until
from tests.web.hostile.target import JSON

GRACE = 4.0
SETTINGS = {"profile": "classroom", "host": "127.0.0.1", "grace_seconds": GRACE}


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", PROFILES["classroom"].model_copy(update={"grace_seconds": GRACE}))
    yield jobs
    jobs.close()


@pytest.fixture(autouse=True)
def nothing_goes_on(jobs: Jobs) -> Iterator[None]:
    jobs.admission._starts.clear()
    with all_ended(jobs):
        yield


@pytest.mark.slow  # a minute
def test_sixty_calls_are_one_person_whatever_session_they_name(address: str, jobs: Jobs) -> None:
    caller = Caller(address)
    sessions: list[dict[str, Any]] = [
        {},
        {"session_hash": "x"},
        *({"session_hash": secrets.token_hex(4)} for _ in range(58)),
    ]
    events = [caller.call(ENDLESS, **session) for session in sessions]
    until(lambda: len(jobs.going_on()) > 0)
    second = Caller(address, opens=True)
    event = second.call(ENDLESS)
    until(lambda: len(jobs.going_on()) == 2)
    mine = jobs.going_on()[-1]
    until(lambda: mine.frame is not None and mine.frame.step > 0)
    assert len(jobs.known()) == 2, "one of the caller's sixty, and somebody else's"
    refusals = [caller.answer(event) for event in events if event]
    why = ("already have a run going on", "too much under way", "is still under way")
    said = [text for text in refusals if any(reason in text for reason in why)]
    assert len(said) >= len(refusals) - 1
    assert event


def test_a_forged_cookie_and_a_forwarded_address_make_nobody_else(address: str, jobs: Jobs) -> None:
    caller = Caller(address)
    for number in range(4):
        caller.http.headers.update(
            {"x-forwarded-for": f"10.1.1.{number}", "cookie": f"playground_person=me{number}.9.9"}
        )
        caller.call(ENDLESS)
    until(lambda: len(jobs.going_on()) > 0)
    until(lambda: not caller_waits(caller))
    assert len(jobs.going_on()) == 1


def caller_waits(caller: Caller) -> bool:
    return json.loads(caller.http.get(f"{API}/queue/status").text)["queue_size"] > 0


def test_ten_runs_one_after_the_other_are_welcome(address: str) -> None:
    caller = Caller(address)
    for _ in range(10):
        assert '"ended": "done"' in caller.answer(caller.call(SMALL))


def test_more_starts_in_a_minute_than_anybody_needs_are_refused(address: str, jobs: Jobs) -> None:
    caller = Caller(address)
    jobs.admission._starts["address 127.0.0.1"] = [time.monotonic()] * 60
    assert "You have started 60 runs in a minute: wait" in caller.answer(caller.call(SMALL))


def test_a_call_that_nobody_comes_for_ends_one_that_is_heard_does_not(address: str, jobs: Jobs) -> None:
    listens, leaves = Caller(address, opens=True), Caller(address)
    heard = listens.call(ENDLESS)
    with listens.http.stream("GET", f"{API}/call/stylize/{heard}") as stream:
        lines = stream.iter_lines()
        next(lines)
        leaves.call(ENDLESS)
        until(lambda: len(jobs.going_on()) == 2)
        kept, left = jobs.going_on()
        until(lambda: left.ended)
        assert left.notes[-1:] == ["stopped because nobody was watching"]
        assert not kept.ended


def test_a_page_that_starts_a_run_and_never_listens_loses_it(address: str, jobs: Jobs) -> None:
    caller = Caller(address, opens=True)
    config = caller.http.get("/config").json()
    ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    values = {part["id"]: part["props"].get("value") for part in config["components"]}
    values[ids["set-size"]], values[ids["set-iterations"]] = 64, 500
    session = secrets.token_hex(6)
    begun = [event for event in config["dependencies"] if [ids["run"], "click"] in event["targets"]]
    for event in begun:
        post(caller, event, values, session)
    until(lambda: len(jobs.going_on()) == 1)
    (job,) = jobs.going_on()
    for event in config["dependencies"]:  # what follows the run, as the page's script would ask for it
        if event["trigger_after"] in [first["id"] for first in begun]:
            post(caller, event, values, session)
    until(lambda: job.ended)
    assert "nobody was watching" in job.notes[-1]


def test_what_a_run_has_left_goes_in_time_though_nobody_comes_any_more(
    address: str, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "IDLE_EVERY", 0.2)
    monkeypatch.setattr(jobs.admission, "limits", jobs.limits.model_copy(update={"keep_seconds": 1.0}))
    Caller(address).call(ENDLESS)
    until(lambda: len(jobs.going_on()) == 1)
    (job,) = jobs.going_on()
    job.control.stop()
    until(lambda: job.ended_at is not None)
    assert job in jobs.known()
    until(lambda: not jobs.known())


def post(caller: Caller, event: dict[str, Any], values: dict[int, Any], session: str) -> httpx.Response:
    body = {"data": [values.get(id) for id in event["inputs"]], "fn_index": event["id"], "session_hash": session}
    where = "run/predict" if event["queue"] is False else "queue/join"
    return caller.http.post(f"{API}/{where}", content=json.dumps(body), headers=JSON)


def test_another_persons_page_is_not_theirs_who_know_its_session(address: str) -> None:
    me, you = Caller(address, opens=True), Caller(address, opens=True)
    events = {event["id"]: event for event in me.http.get("/config").json()["dependencies"]}
    first = next(event for event in events.values() if event["queue"] is False and event["backend_fn"])
    session = secrets.token_hex(6)
    assert post(me, first, {}, session).status_code != 403
    assert post(you, first, {}, session).status_code == 403
    assert post(you, {**first, "queue": True}, {}, session).status_code == 403
    for method, where, body in (
        ("GET", f"queue/data?session_hash={session}", None),
        ("GET", f"heartbeat/{session}", None),
        ("POST", "cancel", {"session_hash": session, "fn_index": 0, "event_id": "x"}),
        ("POST", "call/stylize", {"session_hash": session, "data": []}),
    ):
        answer = you.http.request(method, f"{API}/{where}", json=body)
        assert (answer.status_code, "somebody else" in answer.text) == (403, True), where
    assert post(me, first, {}, session).status_code != 403
