"""A signal that comes while a module is imported, and one while a run goes on."""

from __future__ import annotations

import signal

import pytest

from playground.engine.control import MemoryControl
from playground.system.signals import Interruption, stopped_by_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_an_import_swallowed_is_not_lost(number: signal.Signals) -> None:
    interruption = Interruption()
    before = signal.signal(number, interruption)
    try:
        with stopped_by_signals(MemoryControl().stop):
            assert signal.getsignal(number) is not interruption
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt), stopped_by_signals(MemoryControl().stop):
            pytest.fail("the run began")
        assert signal.getsignal(number) is interruption
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_that_goes_on_and_nothing_else(number: signal.Signals) -> None:
    asked: list[int] = []
    before = signal.getsignal(number)
    with stopped_by_signals(lambda: asked.append(number)):
        signal.raise_signal(number)
        signal.raise_signal(number)
        assert asked == [number, number]
    assert signal.getsignal(number) is before
