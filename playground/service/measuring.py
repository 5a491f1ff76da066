"""Which arithmetic is the fastest on a server's processor, measured in the background while nobody paints.

Begun by web/serve.py once the page is open. Until it is known, runs that leave it to the machine paint in direct float32.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from playground.errors import PlaygroundError
from playground.networks import arithmetic_choice

if TYPE_CHECKING:
    from playground.service.jobs import Jobs

LOOK_EVERY = 1.0  # seconds between two looks whether everybody has gone
AGAIN_AFTER = 300.0  # seconds, where other work on the machine made the rounds of a measurement disagree

logger = logging.getLogger(__name__)


def measure_when_idle(jobs: Jobs) -> threading.Thread | None:
    """Begin to wait for a quiet moment; nothing where it is known already, or this process paints on no CPU."""
    if jobs.device != "cpu" or jobs.lent or not arithmetic_choice.wants_measuring("auto"):
        return None
    thread = threading.Thread(target=_measure, args=(jobs,), name="arithmetic", daemon=True)
    thread.start()
    return thread


def _measure(jobs: Jobs) -> None:
    wait = threading.Event()
    try:
        while True:
            found = None if jobs.busy() else arithmetic_choice.measure(jobs.busy)
            if found is None:
                wait.wait(LOOK_EVERY)
                continue
            words = "" if found.final else " so far; other work disturbed it, so it is measured again"
            logger.info("the fastest arithmetic here is %s%s", found.best(), words, extra={"arithmetic": found.best()})
            if found.final:
                return
            wait.wait(AGAIN_AFTER)
    except PlaygroundError as error:
        logger.warning("%s", error)
