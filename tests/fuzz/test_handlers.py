"""Every handler of the page is given what no page sends: each answers in words, none fails, and nothing is left going on.

Which handlers there are, and what each takes, is asked of the page itself. What once made one fail stands in
`handlers.json` and is tried each time; the rest is made up anew, in the slow part.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from playground.networks import read
from tests.helpers.serving import serving
from tests.web.hostile.target import Target, deep

FOUND = Path(__file__).with_name("handlers.json")
EACH = 6  # examples of a handler
ROUNDS = 60  # pages on which several are called one after the other
LIMITS = (
    "max_size=128",
    "max_iterations=3",
    "training_seconds=3",
    "grace_seconds=5",
    "runs_each=32",
    "starts_each=100000",
)


@pytest.fixture(scope="module")
def target(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzzed")
    arguments = ["--profile", "classroom", "--host", "127.0.0.1", "--debug"]
    arguments += [part for limit in LIMITS for part in ("--set", limit)]
    log = folder / "log.txt"
    with log.open("w") as stderr, serving(*arguments, stderr=stderr, TMPDIR=str(folder)) as (_, address):
        target = Target(address, folder, log)
        target.http.timeout = 60
        target.patience = 240.0  # by chance a comparison or a painting is asked for as it should be
        yield target


# ---------------------------------------------------------------- what is sent

NUMBERS = st.sampled_from([0, -1, 1, 2, 64, 65, 1e-300, -1e300, 10**30, 0.5, float("nan"), float("inf"), True])
TEXTS = st.sampled_from(
    ["", " ", "x", "default", "64", "nan", "<script>alert(1)</script>", "../../etc/passwd", "http://127.0.0.1:9/", "\0", "\ud800",
     "\u202e", "a" * 5000, "{}", "[]", "null", '{"person":5}', deep(40), "{0}", "%s", "conv1_1", "vgg16-hed", "run 1"]
)  # fmt: skip
FILES: st.SearchStrategy[Any] = st.sampled_from(["/etc/passwd", "", "a.png", None, 5, []]).map(
    lambda path: {"path": path, "meta": {"_type": "gradio.FileData"}}
)
NONSENSE = st.recursive(
    st.none() | NUMBERS | TEXTS | FILES,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=6,
)
ABOUT = NONSENSE | st.fixed_dictionaries(
    {"index": NUMBERS | st.lists(NUMBERS, max_size=2) | st.none(), "value": NONSENSE},
    optional={"selected": st.booleans() | TEXTS, "key": TEXTS, "x_value": NONSENSE, "row_value": NONSENSE},
)


def of_kind(part: dict[str, Any], picture: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a component might send: what it shows, near misses, and anything at all."""
    shown, kind = part["props"].get("value"), part["type"]
    near = [st.just(shown), NONSENSE]
    if kind in ("image", "file", "uploadbutton"):
        near += [st.just(picture), st.just([picture, picture])]
    elif kind in ("slider", "number"):
        edges = [part["props"].get(name) for name in ("minimum", "maximum", "step")]
        near += [st.sampled_from(edges), NUMBERS]
    elif kind in ("dropdown", "radio", "checkboxgroup"):
        choices = [choice[1] for choice in part["props"].get("choices") or [["", ""]]]
        near += [st.sampled_from(choices), st.lists(st.sampled_from(choices), max_size=3), TEXTS]
    else:
        near += [TEXTS, st.booleans()]
    return st.one_of(near)


class Handlers:
    """The page's handlers as its configuration states them."""

    def __init__(self, target: Target) -> None:
        self.target = target
        config = target.http.get("/config").json()
        self.parts = {part["id"]: part for part in config["components"]}
        self.all = [event for event in config["dependencies"] if event["backend_fn"]]

    def named(self, api_name: str) -> dict[str, Any]:
        return next(event for event in self.all if event["api_name"] == api_name)

    def given(self, event: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
        return st.tuples(*(of_kind(self.parts[id], self.target.picture) for id in event["inputs"])).map(list)

    def call(self, event: dict[str, Any], data: list[Any], about: Any, session: str) -> None:
        """Fire an event; the answer is words or an update, and the log has no fault."""
        where = json.dumps({"handler": event["api_name"], "data": data, "about": about})[:1500]
        answer = self.target.fire(event, data, session, about)
        code = re.match(r"(\d{3}) ", answer)
        assert code is None or int(code[1]) < 500, (where, answer[:300])
        for inside in ("Traceback", 'File \\"', "Something went wrong", "root:x:"):
            assert inside not in answer, (where, answer[:500])
        for said in re.findall(r'"error": ?("(?:[^"\\]|\\.)*"|null)', answer):
            words = json.loads(said)
            assert words, (where, answer[:300])
            assert re.search(r"\w+ \w+", words), (where, words)
        news = self.target.news()
        for fault in ("Traceback", "ERROR", " failed", "stumbled"):
            assert fault not in news, (where, news[-3000:])


@pytest.fixture(scope="module")
def handlers(target: Target) -> Handlers:
    handlers = Handlers(target)
    assert len(handlers.all) > 60, "the page has that many at least"
    return handlers


# ---------------------------------------------------------------- tests


def test_what_was_once_found(handlers: Handlers) -> None:
    for found in json.loads(FOUND.read_text("utf-8")):
        handlers.call(handlers.named(found["handler"]), found["data"], found["about"], secrets.token_hex(8))


def test_a_list_for_every_choice_of_one(handlers: Handlers) -> None:
    """What a dropdown of one choice takes for several reached its handler as a list."""
    for event in handlers.all:
        parts = [handlers.parts[id] for id in event["inputs"]]
        if any(part["type"] == "dropdown" and not part["props"].get("multiselect") for part in parts):
            lists = {
                part["id"]: [choice[1] for choice in part["props"]["choices"]][:2]
                for part in parts
                if part["type"] == "dropdown"
            }
            data = [lists.get(part["id"], part["props"].get("value")) for part in parts]
            handlers.call(event, data, None, secrets.token_hex(8))


def found_by(examples: int, number: int, attempt: Callable[[st.DataObject], None]) -> list[str]:
    """What goes wrong in so many examples, each the same at every start; a server keeps its state, so none is tried twice."""
    found: list[str] = []

    @seed(number)
    @settings(max_examples=examples, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def tried(made: st.DataObject) -> None:
        try:
            attempt(made)
        except AssertionError as error:
            found.append(str(error)[:3000])

    tried()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_handler_answers_anything_in_words(handlers: Handlers, part: int) -> None:
    found: list[str] = []
    for event in handlers.all[part::8]:

        def once(made: st.DataObject, event: dict[str, Any] = event) -> None:
            handlers.call(event, made.draw(handlers.given(event)), made.draw(ABOUT), secrets.token_hex(8))

        found += found_by(EACH, event["id"], once)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
def test_several_handlers_on_one_page_answer_in_words(handlers: Handlers) -> None:
    """In any order, since a page's state is what the handlers before have made of it."""

    def several(made: st.DataObject) -> None:
        session, events = (
            secrets.token_hex(8),
            made.draw(st.lists(st.sampled_from(handlers.all), min_size=3, max_size=6)),
        )
        drawn = [
            (event, made.draw(handlers.given(event)), made.draw(ABOUT)) for event in events
        ]  # whatever comes of it
        for event, data, about in drawn:
            handlers.call(event, data, about, session)

    found = found_by(ROUNDS, 0, several)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
def test_afterwards_it_still_paints(handlers: Handlers) -> None:
    answer = handlers.target.stylize(handlers.target.picture, handlers.target.picture, "default", '{"size":64}', True)
    assert '"ended": "done"' in answer, answer[-500:]
