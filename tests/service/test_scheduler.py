"""Scheduler by device time: nobody waits longer than the arithmetic allows, weights are respected, and no turn is lost."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from playground.service.scheduler import CREDIT_SECONDS, KEPT_SECONDS, MIN_SECONDS, Queue, Scheduler, Ticket
from tests.helpers.waiting import until

LONGEST = 2.0  # seconds of a turn in these tests
WEIGHTS = st.sampled_from([0.5, 1.0, 1.0, 2.0, 4.0])


# ---- the arithmetic


def simulated(
    queue: Queue, tickets: list[Ticket], length: Callable[[Ticket], float], turns: int, gap: float
) -> list[Ticket]:
    """The order of turns where everybody asks again `gap` seconds after giving back."""
    order: list[Ticket] = []
    due, ends = dict.fromkeys(tickets, 0.0), math.inf
    working: Ticket | None = None
    while len(order) < turns:
        now = min([*due.values(), ends, math.inf if queue.kept_until is None else queue.kept_until])
        if working is not None and ends <= now:
            order.append(working)
            queue.give_back(now)
            due[working], working, ends = now + gap, None, math.inf
        else:
            for ticket in [ticket for ticket in due if due[ticket] <= now]:
                del due[ticket]
                queue.ask(ticket, now)
            queue.look(now)
        if working is None and queue.holder is not None and queue.has(queue.holder):
            working, ends = queue.holder, now + length(queue.holder)
    return order


def test_equal_turns_go_round_in_order_of_arrival() -> None:
    turns = Scheduler()
    tickets = [turns.ticket() for _ in range(3)]
    order = simulated(turns.queue, tickets, lambda ticket: 0.125, 15, gap=0.0)
    assert [tickets.index(ticket) for ticket in order] == [0, 1, 2] * 5


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
    turns, endless = Scheduler(), itertools.cycle(lengths)
    tickets = [turns.ticket(weight) for weight in weights]
    simulated(turns.queue, tickets, lambda ticket: next(endless), 200, gap)
    longest = max(lengths) + KEPT_SECONDS
    for one, other in itertools.combinations(tickets, 2):
        apart = abs(one.seconds / one.weight - other.seconds / other.weight)
        assert apart <= longest / one.weight + longest / other.weight + longest / min(one.weight, other.weight) + 1e-6


@pytest.mark.parametrize("gap", [0.001, KEPT_SECONDS - 0.001])
def test_two_with_cheap_and_dear_turns_get_the_same_time(gap: float) -> None:
    turns = Scheduler()
    cheap, dear = turns.ticket(), turns.ticket()
    simulated(turns.queue, [cheap, dear], lambda ticket: 0.01 if ticket is cheap else 2.0, 1000, gap)
    assert cheap.seconds == pytest.approx(dear.seconds, abs=2.1)


def test_an_endless_stream_of_newcomers_starves_nobody() -> None:
    turns = Scheduler()
    queue, old = turns.queue, turns.ticket()
    young = turns.ticket()
    queue.ask(old, 0.0)
    queue.ask(young, 0.0)
    queue.give_back(1.0)  # now the old one has had a second more than any newcomer will start with
    queue.ask(old, 1.0)
    now = 1.0
    for _ in range(1000):
        newcomer = turns.ticket()
        queue.ask(newcomer, now)
        now += 0.01
        queue.give_back(now)
        if queue.has(old):
            return
        if queue.kept_until is not None:
            now = queue.kept_until
            queue.look(now)
    raise AssertionError("the old one starved")


def held_up_once(*, counted: bool) -> float:
    """Thirty who always want the device, whose turns take a tenth of a second; one of them was held up for half of one once.
    The most seconds that anybody then waited for a turn.
    """
    turns = Scheduler()
    queue, tickets = turns.queue, [turns.ticket() for _ in range(30)]
    unlucky, now, longest, since = tickets[7], 0.0, 0.0, dict.fromkeys(tickets, 0.0)
    for ticket in tickets:
        queue.ask(ticket, now)
    for turn in range(600):
        assert queue.holder is not None
        ticket, held = queue.holder, queue.holder is unlucky and turn < 30
        longest = max(longest, now - since[ticket])
        now += 0.6 if held else 0.1
        queue.give_back(now, 0.1 if counted else None)
        while queue.kept_until is not None and queue.waiting and not queue.has(queue.holder):
            now = queue.kept_until
            queue.look(now)
        since[ticket] = now
        queue.ask(ticket, now)
    return longest


def test_whoever_is_held_up_in_their_turn_does_not_wait_longer_for_the_next() -> None:
    """By the clock they owe what the hold-up took, times thirty."""
    assert held_up_once(counted=False) > 10
    assert held_up_once(counted=True) < 2 * 30 * 0.1 + 0.6


def test_a_turn_on_the_processor_counts_for_what_it_works_and_on_another_device_for_what_it_lasts() -> None:
    def nap() -> None:
        time.sleep(0.2)

    def work() -> None:
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass

    for device, least, most in (("cpu", 0.05, 0.15), ("cuda", 0.25, math.inf)):
        turns = Scheduler(device)
        ticket = turns.ticket()
        ticket.do(nap)
        ticket.do(work)
        assert ticket.tag is not None
        assert least <= ticket.tag <= most, device
        assert ticket.seconds >= 0.25


class AnyOrder(RuleBasedStateMachine):
    """Shares that come, work, pause, vanish and come back in any order, on a clock of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Scheduler()
        self.queue = self.turns.queue
        self.now = 0.0
        self.away: list[Ticket] = []
        self.ended: list[
            Ticket
        ] = []  # kept until the queue lets go of them, so that no garbage collection decides when
        self.bounds: dict[Ticket, float] = {}  # by when, in those, a waiting ticket must have had its turn

    def everybody(self) -> list[Ticket]:
        holder = [] if self.queue.holder is None or self.queue.holder in self.away else [self.queue.holder]
        return [*self.away, *self.queue.waiting, *holder]

    def charged(self) -> float:
        return sum(ticket.seconds for ticket in self.queue.members) + self.gone

    gone = 0.0

    @precondition(lambda self: len(self.everybody()) < 6)
    @rule(weight=WEIGHTS)
    def comes(self, weight: float) -> None:
        self.away.append(self.turns.ticket(weight))
        for ticket in self.bounds:  # a newcomer may go before those who wait, once and until its tag is theirs
            ahead = max(0.0, (ticket.tag or 0.0) - self.queue.virtual)
            self.bounds[ticket] += weight * ahead + LONGEST + KEPT_SECONDS

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def asks(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.away))
        self.away.remove(ticket)
        self.queue.ask(ticket, self.now)
        if ticket in self.queue.waiting:
            assert ticket.tag is not None
            ahead = 0.0
            for other in self.everybody():
                start = self.queue.virtual if other.tag is None else max(other.tag, self.queue.virtual - CREDIT_SECONDS)
                start = min(start, other.tag) if other.tag is not None and other in self.queue.waiting else start
                ahead += other.weight * max(0.0, ticket.tag - start) + LONGEST + KEPT_SECONDS
            self.bounds[ticket] = self.charged() + ahead

    @precondition(lambda self: self.queue.holder is not None and self.queue.kept_until is None)
    @rule(seconds=st.floats(0.0, LONGEST))
    def gives_back(self, seconds: float) -> None:
        self.now += seconds
        assert self.queue.holder is not None
        self.away.append(self.queue.holder)
        self.queue.give_back(self.now)

    @rule(seconds=st.floats(0.0, 2 * KEPT_SECONDS))
    def time_passes(self, seconds: float) -> None:
        """Somebody who waits looks when the patience is over; a run that is away asks nothing."""
        if self.queue.holder is None or self.queue.kept_until is not None:
            patience = self.queue.patience(self.now)
            self.now += seconds if patience is None else min(seconds, patience)
            self.queue.look(self.now)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def vanishes(self, data: st.DataObject) -> None:
        """A run that ended: it never asks again, whether or not the device is kept for it."""
        ticket = data.draw(st.sampled_from(self.away))
        self.away.remove(ticket)
        self.ended.append(ticket)

    @invariant()
    def who_ended_is_let_go(self) -> None:
        for ticket in [ticket for ticket in self.ended if ticket is not self.queue.holder]:
            self.ended.remove(ticket)
            self.gone += ticket.seconds
            self.queue.members.discard(ticket)

    @invariant()
    def the_device_is_never_idle_while_somebody_waits(self) -> None:
        if self.queue.waiting:
            assert self.queue.holder is not None
            if self.queue.kept_until is not None:
                assert self.now <= self.queue.kept_until <= self.now + KEPT_SECONDS

    @invariant()
    def nobody_is_lost(self) -> None:
        assert len(set(self.queue.waiting)) == len(self.queue.waiting)
        assert self.queue.holder not in self.queue.waiting
        assert not set(self.away) & set(self.queue.waiting)

    @invariant()
    def nobody_starves(self) -> None:
        self.bounds = {ticket: bound for ticket, bound in self.bounds.items() if ticket in self.queue.waiting}
        for bound in self.bounds.values():
            assert self.charged() <= bound + 100 * MIN_SECONDS


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=50, stateful_step_count=60, deadline=None)


@pytest.mark.slow
class TestAnyOrderAtLength(AnyOrder.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=400, stateful_step_count=60, deadline=None)


def test_the_device_is_not_kept_for_whoever_does_not_come_back() -> None:
    turns = Scheduler()
    queue, gone, behind = turns.queue, turns.ticket(), turns.ticket()
    queue.ask(behind, 0.0)
    queue.give_back(1.0)
    for begin in (1.1, 1.101):  # it comes back at once, so it is expected to again
        queue.ask(gone, begin)
        queue.give_back(begin + 0.001)
    queue.ask(behind, 1.103)
    assert queue.holder is gone
    assert queue.look(1.103) is None
    patience = queue.patience(1.103)
    assert patience is not None
    assert patience == pytest.approx(KEPT_SECONDS - 0.001)
    assert queue.look(1.103 + patience + 1e-9) is behind
    assert queue.has(behind)


# ---- how long a queue lasts


# ---- with threads


def test_a_greedy_loop_does_not_keep_the_device() -> None:
    """Whoever releases a turn and asks again at once goes behind the one who waits."""
    turns, order = Scheduler(), []
    greedy, patient = turns.ticket(), turns.ticket()

    def wait() -> None:
        with patient:
            order.append("other")

    other = threading.Thread(target=wait)
    with greedy:
        other.start()
        until(lambda: turns.queue.waiting)
    with greedy:
        order.append("greedy")
    other.join(10)
    assert order == ["other", "greedy"]


def test_a_turn_is_given_back_after_a_fault() -> None:
    turns = Scheduler()
    with pytest.raises(ValueError, match="ill"), turns.ticket():
        raise ValueError("ill")
    with turns.ticket():
        pass


def test_many_threads_never_hold_it_together_and_all_get_through() -> None:
    turns, inside, most = Scheduler(), 0, 0

    def work(weight: float) -> None:
        nonlocal inside, most
        ticket = turns.ticket(weight)
        for _ in range(50):
            with ticket:
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
    assert not turns.queue.waiting
    with turns.ticket():
        pass


def test_a_weight_of_four_gets_four_times_the_device() -> None:
    turns, over = Scheduler(), time.perf_counter() + 1.5
    teacher, pupil = turns.ticket(4.0), turns.ticket()

    def work(ticket: Ticket) -> None:
        while time.perf_counter() < over:
            with ticket:
                time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(ticket,)) for ticket in (teacher, pupil)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert 2.5 < teacher.seconds / pupil.seconds < 6
