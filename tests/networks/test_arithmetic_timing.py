"""Timing arithmetics on a machine that does other things: its clock and passes are played, so that no test waits for a load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from playground.networks import arithmetic, arithmetic_timing
from playground.networks.arithmetic import Arithmetic
from playground.networks.arithmetic_timing import MEASUREMENTS, Measured, joined, timed
from playground.networks.vgg import Vgg

QUIET: dict[Arithmetic, float] = {"direct": 0.10, "winograd": 0.12, "bfloat16": 0.03}
Load = Callable[[int, Arithmetic], float]
"""How much slower a pass is, by its number and its arithmetic; the first three warm up."""


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Arithmetic]]:
    """Passes that take what a machine of those speeds would under a load; they are given as they are made."""
    monkeypatch.setattr(arithmetic, "processor_has_bfloat16", lambda: True)

    def begin(load: Load, quiet: dict[Arithmetic, float] = QUIET) -> list[Arithmetic]:
        made: list[Arithmetic] = []
        clock = [0.0]

        def made_pass(network: Vgg, _picture: object) -> float:
            seconds = quiet[network.arithmetic] * load(len(made), network.arithmetic)
            made.append(network.arithmetic)
            clock[0] += seconds
            return seconds

        monkeypatch.setattr(arithmetic_timing, "_pass", made_pass)
        monkeypatch.setattr(arithmetic_timing, "perf_counter", lambda: clock[0])
        return made

    return begin


def measured(before: Measured | None = None) -> Measured:
    found = timed(lambda: False, before)
    assert found is not None
    return found


def test_on_a_quiet_machine_a_few_rounds_are_enough(play: Callable[..., list[Arithmetic]]) -> None:
    made = play(lambda number, _: 5.0 if number < 3 else 1.0)  # laying out kernels takes longer, and does not count
    found = measured()
    assert found == Measured(QUIET, 1, agreed=True)
    assert found.best() == "bfloat16"
    assert len(made) == 3 * (1 + arithmetic_timing.ENOUGH)


@pytest.mark.parametrize("hit", QUIET)
@pytest.mark.parametrize("slower", [2.0, 4.0])
@pytest.mark.parametrize("clean", [1, 2, 3])
def test_a_load_that_hits_one_candidate_does_not_change_the_choice(
    play: Callable[..., list[Arithmetic]], hit: Arithmetic, slower: float, clean: int
) -> None:
    """All of its passes but those of one round, whichever."""

    def load(number: int, name: Arithmetic) -> float:
        return slower if name == hit and number // 3 != clean else 1.0

    play(load)
    found = measured()
    assert (found.best(), found.best(single=True)) == ("bfloat16", "direct")


def test_a_load_that_comes_at_regular_times_hits_them_in_turn(play: Callable[..., list[Arithmetic]]) -> None:
    for place in range(3):
        made = play(lambda number, _, place=place: 6.0 if number % 3 == place else 1.0)
        assert measured().best() == "bfloat16"
        hit = {name for number, name in enumerate(made) if number % 3 == place}
        assert hit == set(QUIET)


def test_rounds_that_disagree_leave_it_open_and_a_quiet_one_later_decides(
    play: Callable[..., list[Arithmetic]],
) -> None:
    # two seconds long: nothing tells it from a slow candidate
    play(lambda _, name: 20.0 if name == "bfloat16" else 1.0)
    wrong = measured()
    assert wrong.best() == "direct"
    play(lambda number, name: 20.0 if name == "bfloat16" and number % 2 else 1.0)
    found = measured()
    assert found.best() == "bfloat16"
    assert not found.final
    play(lambda *_: 1.0)
    assert measured(found) == Measured(QUIET, 2, agreed=True)


def test_what_was_seen_quiet_before_counts_on(play: Callable[..., list[Arithmetic]]) -> None:
    play(lambda *_: 3.0)
    before = Measured(QUIET, 1, agreed=False)
    found = measured(before)
    assert found.seconds == QUIET
    assert found.measurements == 2


def test_the_choice_stands_after_some_measurements(play: Callable[..., list[Arithmetic]]) -> None:
    found = None
    for number in range(1, MEASUREMENTS + 1):
        play(lambda number, name: 20.0 if name == "bfloat16" and number // 3 % 2 else 1.0)  # every other round
        found = measured(found)
        assert found.measurements == number
        assert not found.agreed
        assert found.final == (number == MEASUREMENTS)


def test_it_ends_in_time(play: Callable[..., list[Arithmetic]]) -> None:
    made = play(lambda *_: 7.0)  # a round takes 1.75 s
    found = measured()
    assert sum(7 * QUIET[name] for name in made) <= arithmetic_timing.SECONDS + 7 * max(QUIET.values())
    assert not found.final
    assert found.best() == "bfloat16"
    made = play(lambda *_: 100.0)  # what warms up is all there is
    found = measured()
    assert len(made) == 3
    assert not found.agreed
    assert found.seconds == {name: pytest.approx(100 * seconds) for name, seconds in QUIET.items()}


def test_rounds_agree_where_most_of_them_do() -> None:
    quiet, loaded = QUIET, {**QUIET, "bfloat16": 0.3}
    assert joined([quiet, quiet, quiet, loaded]).agreed
    assert not joined([quiet, quiet, loaded, loaded]).agreed
    assert not joined([quiet, quiet, quiet]).agreed  # too few
    near: list[dict[Arithmetic, float]] = [{**QUIET, "winograd": 0.094}, {**QUIET, "winograd": 0.103}]
    assert joined([*near, *near]).agreed  # either of them is as good
    slower: dict[Arithmetic, float] = {**QUIET, "bfloat16": 0.085}  # would choose direct, though it gains nothing by it
    assert joined([quiet, quiet, slower, slower]).agreed
    other_single: dict[Arithmetic, float] = {**QUIET, "winograd": 0.05}
    assert not joined([quiet, quiet, other_single, other_single]).agreed  # for recipes in single precision
