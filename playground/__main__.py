"""`python -m playground ...`: hands the command line to cli/, or `serve` to web/, and ends with its status.

Knows neither; only one of them is imported, since the page must set up its environment before torch is read.
"""

from __future__ import annotations

import os
import sys

from playground.system.signals import ignore_signals, interrupt_on_signals


def run() -> int:
    """Run one command; an interruption ends it with one line and never with a traceback."""
    interrupt_on_signals()
    try:
        if sys.argv[1:2] == ["serve"]:
            from playground.web.serve import main as serve

            serve(sys.argv[2:], "playground serve")
        from playground.cli.app import main

        status = main()
    except KeyboardInterrupt:
        ignore_signals()
        print("error: interrupted before there was anything to save", file=sys.stderr, flush=True)
        os._exit(130)  # an import that was cut short must not be torn down in order
    ignore_signals()
    return status


if __name__ == "__main__":
    sys.exit(run())
