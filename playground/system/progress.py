"""How far a piece of work is, for people: a bar on a terminal, a plain line now and then elsewhere, or log records.

Used by the command line, the server's start and everything that fetches or calculates for long; it knows no such work.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

Report = Callable[[str, float | None], None]
"""Called with a sentence and the fraction done in [0, 1], or None where it is not known."""

LINE_EVERY = 5.0  # seconds between two lines of progress where stderr is no terminal


@contextmanager
def progress_on_stderr() -> Iterator[Report]:
    """A bar with a sentence on a terminal; elsewhere the sentence as a plain line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield now_and_then(lambda sentence: print(sentence, file=sys.stderr, flush=True))
        return
    with Progress(BarColumn(bar_width=24), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda sentence, fraction: bar.update(
            task, description=sentence, total=None if fraction is None else 1.0, completed=fraction or 0.0
        )


@contextmanager
def progress_in_log(logger: logging.Logger) -> Iterator[Report]:
    """The sentence as a log record now and then, for a log that promises nothing but records."""
    yield now_and_then(logger.info)


def now_and_then(say: Callable[[str], object]) -> Report:
    """A report that says a sentence every `LINE_EVERY` seconds at most, and none twice in a row."""
    last = time.monotonic() - LINE_EVERY + 1  # what takes less than a second needs no line
    said = ""

    def report(sentence: str, fraction: float | None) -> None:
        nonlocal last, said
        if sentence != said and time.monotonic() - last >= LINE_EVERY:
            say(sentence)
            last, said = time.monotonic(), sentence

    return report
