"""`python -m playground ...`: hands the command line to cli/, or `serve` to web/, and ends with its status.

Knows neither; only one of them is imported, since the page must set up its environment before torch is read.
"""

from __future__ import annotations

import os
import signal
import sys


class Interruption:
    """Ctrl-C as an exception that leaves a note: an import may swallow what is raised in its midst.

    Attributes:
        happened: what `stopped_by_signals` asks before a run begins.
    """

    happened = False

    def __call__(self, *_: object) -> None:
        self.happened = True
        raise KeyboardInterrupt


def run() -> int:
    """Run one command; an interruption ends it with one line and never with a traceback."""
    # A request to end is treated like Ctrl-C, so that what is half done is cleaned up.
    interruption = Interruption()
    signal.signal(signal.SIGINT, interruption)
    signal.signal(signal.SIGTERM, interruption)
    try:
        if sys.argv[1:2] == ["serve"]:
            from playground.web.serve import main as serve

            serve(sys.argv[2:], "playground serve")
        from playground.cli.app import main

        status = main()
    except KeyboardInterrupt:
        _deaf_to_signals()
        print("error: interrupted before there was anything to save", file=sys.stderr, flush=True)
        os._exit(130)  # an import that was cut short must not be torn down in order
    _deaf_to_signals()
    return status


def _deaf_to_signals() -> None:
    """What is done stays done, however often Ctrl-C is pressed while the interpreter ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(run())
