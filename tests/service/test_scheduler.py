"""Turns by device time: nobody waits longer than the arithmetic allows, weights are respected, and no turn is lost."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from playground.service.scheduler import (
    CREDIT_SECONDS,
    KEPT_SECONDS,
    LEAST_SECONDS,
    Line,
    Load,
    Share,
    Turns,
    expected_waits,
)

LONGEST = 2.0  # seconds of a turn in these tests
WEIGHTS = st.sampled_from([0.5, 1.0, 1.0, 2.0, 4.0])


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


# ---- the arithmetic


def simulated(line: Line, shares: list[Share], length: Callable[[Share], float], turns: int, gap: float) -> list[Share]:
    """The order of turns where everybody asks again `gap` seconds after giving back."""
    order: list[Share] = []
    due, ends, working = dict.fromkeys(shares, 0.0), math.inf, None
    while len(order) < turns:
        now = min([*due.values(), ends, math.inf if line.kept_until is None else line.kept_until])
        if ends <= now:
            order.append(working)
            line.give_back(now)
            due[working], working, ends = now + gap, None, math.inf
        else:
            for share in [share for share in due if due[share] <= now]:
                del due[share]
                line.ask(share, now)
            line.look(now)
        if working is None and line.holder is not None and line.has(line.holder):
            working, ends = line.holder, now + length(line.holder)
    return order


def test_equal_turns_go_round_in_order_of_arrival() -> None:
    turns = Turns()
    shares = [turns.share() for _ in range(3)]
    order = simulated(turns.line, shares, lambda share: 0.125, 15, gap=0.0)
    assert [shares.index(share) for share in order] == [0, 1, 2] * 5


@settings(max_examples=200, deadline=None)
@given(
    weights=st.lists(WEIGHTS, min_size=2, max_size=8),
    lengths=st.lists(st.floats(0.002, LONGEST), min_size=1, max_size=50),
    gap=st.sampled_from([0.0, 0.001]),
)
def test_device_time_is_shared_by_weight(weights: list[float], lengths: list[float], gap: float) -> None:
    """The bound of start-time fair queueing: two who always want the device are never further apart than a turn each.

    And one more, since after somebody's very first turn nobody knows yet whether the device is worth keeping for them.
    """
    turns, endless = Turns(), itertools.cycle(lengths)
    shares = [turns.share(weight) for weight in weights]
    simulated(turns.line, shares, lambda share: next(endless), 200, gap)
    longest = max(lengths) + KEPT_SECONDS
    for one, other in itertools.combinations(shares, 2):
        apart = abs(one.seconds / one.weight - other.seconds / other.weight)
        assert apart <= longest / one.weight + longest / other.weight + longest / min(one.weight, other.weight) + 1e-6


@pytest.mark.parametrize("gap", [0.001, KEPT_SECONDS - 0.001])
def test_two_with_cheap_and_dear_turns_get_the_same_time(gap: float) -> None:
    turns = Turns()
    cheap, dear = turns.share(), turns.share()
    simulated(turns.line, [cheap, dear], lambda share: 0.01 if share is cheap else 2.0, 1000, gap)
    assert cheap.seconds == pytest.approx(dear.seconds, abs=2.1)


def test_an_endless_stream_of_newcomers_starves_nobody() -> None:
    turns = Turns()
    line, old = turns.line, turns.share()
    young = turns.share()
    line.ask(old, 0.0)
    line.ask(young, 0.0)
    line.give_back(1.0)  # now the old one has had a second more than any newcomer will start with
    line.ask(old, 1.0)
    now = 1.0
    for _ in range(1000):
        newcomer = turns.share()
        line.ask(newcomer, now)
        now += 0.01
        line.give_back(now)
        if line.has(old):
            return
        if line.kept_until is not None:
            now = line.kept_until
            line.look(now)
    raise AssertionError("the old one starved")


class AnyOrder(RuleBasedStateMachine):
    """Shares that come, work, pause, vanish and come back in any order, on a clock of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns()
        self.line = self.turns.line
        self.now = 0.0
        self.away: list[Share] = []
        self.ended: list[Share] = []  # kept until the line lets go of them, so that no garbage collection decides when
        self.bounds: dict[Share, float] = {}  # by when, in those, a waiting share must have had its turn

    def everybody(self) -> list[Share]:
        holder = [] if self.line.holder is None or self.line.holder in self.away else [self.line.holder]
        return [*self.away, *self.line.waiting, *holder]

    def charged(self) -> float:
        return sum(share.seconds for share in self.line.members) + self.gone

    gone = 0.0

    @precondition(lambda self: len(self.everybody()) < 6)
    @rule(weight=WEIGHTS)
    def comes(self, weight: float) -> None:
        self.away.append(self.turns.share(weight))
        for share in self.bounds:  # a newcomer may go before those who wait, once and until its tag is theirs
            ahead = max(0.0, (share.tag or 0.0) - self.line.virtual)
            self.bounds[share] += weight * ahead + LONGEST + KEPT_SECONDS

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def asks(self, data: st.DataObject) -> None:
        share = data.draw(st.sampled_from(self.away))
        self.away.remove(share)
        self.line.ask(share, self.now)
        if share in self.line.waiting:
            assert share.tag is not None
            ahead = 0.0
            for other in self.everybody():
                start = self.line.virtual if other.tag is None else max(other.tag, self.line.virtual - CREDIT_SECONDS)
                start = min(start, other.tag) if other.tag is not None and other in self.line.waiting else start
                ahead += other.weight * max(0.0, share.tag - start) + LONGEST + KEPT_SECONDS
            self.bounds[share] = self.charged() + ahead

    @precondition(lambda self: self.line.holder is not None and self.line.kept_until is None)
    @rule(seconds=st.floats(0.0, LONGEST))
    def gives_back(self, seconds: float) -> None:
        self.now += seconds
        self.away.append(self.line.holder)
        self.line.give_back(self.now)

    @rule(seconds=st.floats(0.0, 2 * KEPT_SECONDS))
    def time_passes(self, seconds: float) -> None:
        """Somebody who waits looks when the patience is over; a run that is away asks nothing."""
        if self.line.holder is None or self.line.kept_until is not None:
            patience = self.line.patience(self.now)
            self.now += seconds if patience is None else min(seconds, patience)
            self.line.look(self.now)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def vanishes(self, data: st.DataObject) -> None:
        """A run that ended: it never asks again, whether or not the device is kept for it."""
        share = data.draw(st.sampled_from(self.away))
        self.away.remove(share)
        self.ended.append(share)

    @invariant()
    def who_ended_is_let_go(self) -> None:
        for share in [share for share in self.ended if share is not self.line.holder]:
            self.ended.remove(share)
            self.gone += share.seconds
            self.line.members.discard(share)

    @invariant()
    def the_device_is_never_idle_while_somebody_waits(self) -> None:
        if self.line.waiting:
            assert self.line.holder is not None
            if self.line.kept_until is not None:
                assert self.now <= self.line.kept_until <= self.now + KEPT_SECONDS

    @invariant()
    def nobody_is_lost(self) -> None:
        assert len(set(self.line.waiting)) == len(self.line.waiting)
        assert self.line.holder not in self.line.waiting
        assert not set(self.away) & set(self.line.waiting)

    @invariant()
    def nobody_starves(self) -> None:
        self.bounds = {share: bound for share, bound in self.bounds.items() if share in self.line.waiting}
        for bound in self.bounds.values():
            assert self.charged() <= bound + 100 * LEAST_SECONDS


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


def test_the_device_is_not_kept_for_whoever_does_not_come_back() -> None:
    turns = Turns()
    line, gone, behind = turns.line, turns.share(), turns.share()
    line.ask(behind, 0.0)
    line.give_back(1.0)
    for begin in (1.1, 1.101):  # it comes back at once, so it is expected to again
        line.ask(gone, begin)
        line.give_back(begin + 0.001)
    line.ask(behind, 1.103)
    assert line.holder is gone
    assert line.look(1.103) is None
    patience = line.patience(1.103)
    assert patience == pytest.approx(KEPT_SECONDS - 0.001)
    assert line.look(1.103 + patience + 1e-9) is behind
    assert line.has(behind)


# ---- how long a queue lasts


def test_the_wait_is_until_enough_seats_are_free() -> None:
    def two_seats(present: Collection[str], key: str) -> bool:
        return len(present) < 2

    going_on = {"a": Load(10.0), "b": Load(30.0)}
    # a and b share the device: a ends after 20 s, when b has 20 s left, and c's 5 s take 10 beside b
    assert expected_waits(going_on, {"c": Load(5.0), "d": Load(5.0)}, two_seats) == pytest.approx([20.0, 30.0])
    # a weight of four leaves b a fifth
    heavy = {"a": Load(10.0, weight=4.0), "b": Load(30.0)}
    assert expected_waits(heavy, {"c": Load(5.0)}, two_seats) == pytest.approx([12.5])


def test_nobody_knows_how_long_a_pause_lasts() -> None:
    def one_seat(present: Collection[str], key: str) -> bool:
        return not present

    paused = Load(math.inf, weight=0.0)
    assert expected_waits({"a": paused}, {"b": Load(1.0), "c": Load(1.0)}, one_seat) == [None, None]
    assert expected_waits({"a": Load(math.inf, 0.0, until=60.0)}, {"b": Load(1.0)}, one_seat) == [60.0]
    assert expected_waits({}, {"b": Load(1.0), "c": Load(1.0)}, one_seat) == [0.0, 1.0]


# ---- with threads


def test_a_greedy_loop_does_not_keep_the_device() -> None:
    """Whoever releases a turn and asks again at once goes behind the one who waits."""
    turns, order = Turns(), []
    greedy, patient = turns.share(), turns.share()

    def wait() -> None:
        with patient:
            order.append("other")

    other = threading.Thread(target=wait)
    with greedy:
        other.start()
        until(lambda: turns.line.waiting)
    with greedy:
        order.append("greedy")
    other.join(10)
    assert order == ["other", "greedy"]


def test_a_turn_is_given_back_after_a_fault() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="ill"), turns.share():
        raise ValueError("ill")
    with turns.share():
        pass


def test_many_threads_never_hold_it_together_and_all_get_through() -> None:
    turns, inside, most = Turns(), 0, 0

    def work(weight: float) -> None:
        nonlocal inside, most
        share = turns.share(weight)
        for _ in range(50):
            with share:
                inside += 1
                most = max(most, inside)
                time.sleep(0.0001)
                inside -= 1

    threads = [threading.Thread(target=work, args=(1 + number % 3,), daemon=True) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 1
    assert not turns.line.waiting
    with turns.share():
        pass


def test_a_weight_of_four_gets_four_times_the_device() -> None:
    turns, over = Turns(), time.perf_counter() + 1.5
    teacher, pupil = turns.share(4.0), turns.share()

    def work(share: Share) -> None:
        while time.perf_counter() < over:
            with share:
                time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(share,)) for share in (teacher, pupil)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert 2.5 < teacher.seconds / pupil.seconds < 6
